import { jsonAnswer } from './answer.ts'
import type { Route } from './route.ts'

/** end-1 `GET /v2/`: clients ask it first, to see that this is a registry and whether it wants a token. */
export const getBase: Route = async () => jsonAnswer(200, {})
