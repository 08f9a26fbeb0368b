import { loginRules } from '../auth/suite.ts'
import { openStores } from './stores.ts'

loginRules('D1 and R2', openStores)
