import { it } from 'vitest'
import { accessRules } from './access-rules.ts'
import { accountRules } from './account-rules.ts'
import { tokenEndpointRules } from './token-endpoint-rules.ts'
import { type LoginStores, type LoginWorld, openWorld } from './world.ts'

type Given = { world: LoginWorld; stores: LoginStores }
export type Rule = (name: string, check: (given: Given) => Promise<void>) => void

/** What holds of logins over every store and in both runtimes. */
export function loginRules(driver: string, openStores: () => Promise<LoginStores>): void {
  const rule: Rule = (name, check) =>
    it(`logins over ${driver}: ${name}`, async () => {
      const stores = await openStores()
      try {
        await check({ world: await openWorld(stores), stores })
      } finally {
        await stores.close()
      }
    })
  accessRules(rule)
  tokenEndpointRules(rule)
  accountRules(rule)
}
