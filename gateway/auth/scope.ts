import type { Action } from '../access.ts'
import { OciError } from '../oci/error.ts'

/** What may be done in one repository, written as its clients write it. */
export type Grant = { repository: string; actions: readonly Action[] }

/** Repositories that one token names: a push mounts from a few others at most. */
export const MAX_GRANTS = 16
const maxRepositoryChars = 255
/** Every path that a client may name, one behind `?ns=` or with a host and port in front included. */
const repositoryForm = /^[a-z0-9][a-z0-9._:/-]*$/
const actions: readonly Action[] = ['pull', 'push', 'delete']

/**
 * Reads scopes as the token specification of the distribution project writes them, `repository:acme.eth/web:pull,push`, several in one
 * text separated by spaces. Taken apart from the right, because a name may hold a port. Other types, unknown actions and names that no
 * repository has are passed over; `*` is every action. Scopes of one repository become one.
 * @throws OciError UNSUPPORTED (400) for more repositories than a token names
 */
export function parseScopes(texts: readonly string[]): Grant[] {
  const found = new Map<string, Set<Action>>()
  for (const text of texts.flatMap((each) => each.split(' '))) {
    const grant = parseScope(text)
    if (grant === undefined) continue
    const known = found.get(grant.repository) ?? new Set()
    found.set(grant.repository, known)
    for (const action of grant.actions) known.add(action)
  }
  if (found.size > MAX_GRANTS) throw tooMany(found.size)
  return [...found].map(([repository, known]) => ({ repository, actions: actions.filter((each) => known.has(each)) }))
}

function tooMany(seen: number): OciError {
  const message = `scope: saw ${seen} repositories, wanted at most ${MAX_GRANTS}`
  return new OciError('UNSUPPORTED', message, { status: 400 })
}

function parseScope(text: string): Grant | undefined {
  const [start, end] = [text.indexOf(':'), text.lastIndexOf(':')]
  if (start === end || text.slice(0, start) !== 'repository') return undefined
  const repository = text.slice(start + 1, end)
  return isRepository(repository) ? { repository, actions: parseActions(text.slice(end + 1)) } : undefined
}

function parseActions(text: string): Action[] {
  const named = text.split(',')
  return named.includes('*') ? [...actions] : actions.filter((action) => named.includes(action))
}

/** Whether a text can stand in a scope. */
export function isRepository(text: string): boolean {
  return text.length <= maxRepositoryChars && repositoryForm.test(text)
}

/** The same grants in one text; those without an action are left out. */
export function encodeScopes(grants: readonly Grant[]): string {
  const some = grants.filter((grant) => grant.actions.length > 0)
  return some.map((grant) => `repository:${grant.repository}:${grant.actions.join(',')}`).join(' ')
}

/** Whether grants allow an action in a repository. */
export function allowsAction(grants: readonly Grant[], repository: string, action: Action): boolean {
  return grants.some((grant) => grant.repository === repository && grant.actions.includes(action))
}
