import { join } from 'node:path'
import { checkStores } from '../../../gateway/fsck.ts'
import { defaultLimits } from '../../../gateway/limits.ts'
import { type Digest, isDigest } from '../../../gateway/oci/digest.ts'
import type { Fs } from '../../../gateway/store/fs.ts'
import type { Sql } from '../../../gateway/store/sql.ts'
import { createMemoryTree, rootOfProof } from '../../../gateway/tags/tree.ts'
import { allSlots, digestOf, line, readAll, repository } from '../fixtures.ts'
import { blobPlans, finishUpload, type Stores, type Told } from './work.ts'

/** Stores reopened after a crash, and what they stand on. */
export type Reopened = { stores: Stores; sql: Sql; fs: Fs; folder: string }

/** Everything that is wrong after a crash: told and not there, or there and not whole. Ends open uploads to see that it can. */
export async function findViolations(reopened: Reopened, told: readonly Told[]): Promise<string[]> {
  return [
    ...(await brokenContent(reopened)),
    ...(await brokenRows(reopened)),
    ...(await leftovers(reopened)),
    ...(await lostContent(reopened, told)),
    ...(await lostUploads(reopened, told)),
    ...(await lostLists(reopened, told)),
  ]
}

/** What `mooring fsck` would say. */
export async function problemsOf({ stores }: Reopened): Promise<string[]> {
  const found: string[] = []
  for await (const { about, problem } of checkStores({ ...stores, limits: defaultLimits, pause: async () => {} })) {
    found.push(`fsck: ${about}: ${problem}`)
  }
  return found
}

/** Every file under content/ has the digest it is named by. */
async function brokenContent({ stores, fs, folder }: Reopened): Promise<string[]> {
  const broken: string[] = []
  for (const algorithm of ['sha256', 'sha512'] as const) {
    for (const fan of await fs.list(join(folder, 'content', algorithm))) {
      for (const hex of await fs.list(join(folder, 'content', algorithm, fan))) {
        const digest = `${algorithm}:${hex}`
        const bytes = isDigest(digest) ? await readAll(stores.content, digest) : undefined
        if (!bytes || digestOf(bytes, algorithm) !== digest) broken.push(`${digest} is visible and not whole`)
      }
    }
  }
  return broken
}

/** Whatever the catalog shows is in the content store. */
async function brokenRows({ stores, sql }: Reopened): Promise<string[]> {
  const rows = await sql.all<{ digest: Digest; size: number }>(
    'SELECT digest, size FROM repository_blob UNION ALL SELECT digest, size FROM manifest',
  )
  const sizes = await Promise.all(rows.map(({ digest }) => stores.content.stat(digest)))
  return rows
    .filter(({ size }, i) => sizes[i] !== size)
    .map(({ digest }) => `the catalog shows ${digest}, which is gone`)
}

/** Nothing that no list and no session needs. */
async function leftovers({ sql, fs, folder }: Reopened): Promise<string[]> {
  const unused = 'tree_id NOT IN (SELECT tree_id FROM list_line)'
  const counts = await sql.all<{ what: string; rows: number }>(
    `SELECT 'trees' AS what, count(*) AS rows FROM tree WHERE ${unused} OR state <> 'live'
     UNION ALL SELECT 'slots', count(*) FROM slot WHERE ${unused}
     UNION ALL SELECT 'nodes', count(*) FROM node WHERE ${unused}
     UNION ALL SELECT 'changes', count(*) FROM list_change c
       WHERE NOT EXISTS (SELECT 1 FROM list_version v WHERE v.tree_id = c.tree_id AND v.version = c.version)`,
  )
  const parts = await sql.all<{ name: string }>("SELECT upload_id || '.' || part_id AS name FROM upload_part")
  const known = new Set(parts.map(({ name }) => name))
  const files = [
    ...(await fs.list(join(folder, 'temporary'))),
    ...(await fs.list(join(folder, 'parts'))).filter((name) => !known.has(name)),
  ]
  return [
    ...counts.filter(({ rows }) => rows > 0).map(({ what, rows }) => `${rows} ${what} of no list are left`),
    ...files.map((name) => `${name} is left`),
  ]
}

async function lostContent({ stores }: Reopened, told: readonly Told[]): Promise<string[]> {
  const lost: string[] = []
  const removing = new Set(told.flatMap((item) => (item.kind === 'removing' ? [item.digest] : [])))
  for (const item of told) {
    if (item.kind === 'removed' && (await stores.catalog.findBlob(repository, item.digest))) {
      lost.push(`${item.digest} is back`)
    }
    if ((item.kind !== 'blob' && item.kind !== 'manifest') || removing.has(item.digest)) continue
    const find = item.kind === 'blob' ? stores.catalog.findBlob : stores.catalog.findManifest
    const row = await find(repository, item.digest)
    const bytes = await readAll(stores.content, item.digest)
    if (row?.size !== item.size || bytes?.byteLength !== item.size) lost.push(`${item.kind} ${item.digest} is lost`)
  }
  return lost
}

/** An acknowledged part is in its session, which can be ended; without a session the blob is stored. */
async function lostUploads({ stores }: Reopened, told: readonly Told[]): Promise<string[]> {
  const lost: string[] = []
  const sizes = new Map(told.flatMap((item) => (item.kind === 'part' ? [[item.uploadId, item.size] as const] : [])))
  const removing = new Set(told.flatMap((item) => (item.kind === 'removing' ? [item.digest] : [])))
  for (const plan of blobPlans(1)) {
    const session = await stores.catalog.findUpload(repository, plan.uploadId)
    if (!session) {
      const isStored = removing.has(plan.digest) || (await stores.catalog.findBlob(repository, plan.digest))
      if (sizes.has(plan.uploadId) && !isStored) lost.push(`upload ${plan.uploadId} is lost`)
      continue
    }
    if (session.size < (sizes.get(plan.uploadId) ?? 0)) lost.push(`upload ${plan.uploadId} lost a part`)
    const failure = await finishUpload(stores, { ...plan, ends: true }, () => {}).catch((error: unknown) => error)
    if (failure) lost.push(`upload ${plan.uploadId} cannot be ended: ${failure}`)
    else if (!(await readAll(stores.content, plan.digest))) lost.push(`upload ${plan.uploadId} ended in nothing`)
  }
  return lost
}

/** The head is the last list told, or the one whose answer was under way; it is whole, and so is the history behind it. */
async function lostLists({ stores: { lists } }: Reopened, told: readonly Told[]): Promise<string[]> {
  const head = await lists.findHead(line)
  const published = told.filter((item) => item.kind === 'published').length
  const planned = told.flatMap((item) => (item.kind === 'planned' ? [item] : []))
  if (!head) return published > 0 ? ['the list is lost'] : []
  const plan = planned.find(({ hash }) => hash === head.hash)
  if (!plan || plan.version < published) return [`the head is version ${head.list.version}, told was ${published}`]
  const slots = await allSlots(lists, line, 100)
  const proven = await lists.prove(
    line,
    slots.map(({ key }) => key),
  )
  const tags = (await lists.listTags(line, '', 1_000))!.tags
  const history = await lists.history(line, null, 100)
  const rules: [boolean, string][] = [
    [slots.length === Number(head.list.count), 'slots are missing'],
    [createMemoryTree(slots).root() === head.list.root, 'the slots do not rebuild the root'],
    [proven!.proofs.every((proof) => rootOfProof(proof) === head.list.root), 'a proof leads elsewhere'],
    [JSON.stringify(tags) === JSON.stringify(plan.tags), 'the tags are not those of the list'],
    [history.length === plan.version && history.every(({ changeCount }) => changeCount > 0), 'the history has a hole'],
    [
      history.every(({ list }, i) => i + 1 === history.length || list.previous === history[i + 1]!.hash),
      'the chain broke',
    ],
  ]
  return rules.filter(([holds]) => !holds).map(([, violation]) => `version ${plan.version}: ${violation}`)
}
