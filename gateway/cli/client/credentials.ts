import { AsyncLocalStorage } from 'node:async_hooks'

/** What the requests of one command say of who sends them. */
export type Credentials = {
  /** The `Authorization` header for a URL where one is known to be wanted; null: send none. */
  known(url: string): Promise<string | null>
  /** The same after a gateway refused (401) with this `WWW-Authenticate` header; null: there is none to offer. */
  answer(url: string, challenge: string): Promise<string | null>
}

const carried = new AsyncLocalStorage<Credentials>()

/** Lets all requests that `work` makes carry these credentials, and no others'. */
export function withCredentials<Result>(credentials: Credentials, work: () => Promise<Result>): Promise<Result> {
  return carried.run(credentials, work)
}

/** The header that a request to this URL carries here; none where nothing is known. */
export async function authorizationFor(url: string): Promise<{ authorization?: string }> {
  const authorization = (await carried.getStore()?.known(url)) ?? null
  return authorization === null ? {} : { authorization }
}

/** Sends with what is known, and once more with what answers a challenge. What was refused is closed first. */
export async function sendAuthorized<Answer extends { status: number; headers: Headers; close(): void }>(
  url: string,
  send: (headers: { authorization?: string }) => Promise<Answer>,
): Promise<Answer> {
  const answer = await send(await authorizationFor(url))
  const challenge = answer.status === 401 ? answer.headers.get('www-authenticate') : null
  const authorization = challenge === null ? null : await carried.getStore()?.answer(url, challenge)
  if (!authorization) return answer
  answer.close()
  return send({ authorization })
}
