import type { RefusalName } from '../../gateway/tags/refusal.ts'
import { type Draft, type FuzzCase, finishDraft, validDraft } from './draft.ts'
import { authorityFaults } from './faults/authority.ts'
import type { Fault } from './faults/fault.ts'
import { listFaults } from './faults/lists.ts'
import { nameFaults } from './faults/names.ts'
import { offsetFaults } from './faults/offsets.ts'
import { oddProof, otherTag, proofFaults } from './faults/proofs.ts'
import { blindEdits, responseFaults } from './faults/responses.ts'
import { signatureFaults } from './faults/signatures.ts'
import { timestampFaults } from './faults/timestamps.ts'
import { createRandom, type Random } from './random.ts'
import { type SignedFuzzList, signFuzzList } from './signed-list.ts'

/** A case and, where its making says how it must end, that: `ok`, or the error of its one fault. `twin` makes the same without faults. */
export type JudgedCase = FuzzCase & { wanted: 'ok' | RefusalName | undefined; twin: () => FuzzCase }

const faults = [
  ...[...responseFaults, ...offsetFaults, ...nameFaults, ...authorityFaults, ...listFaults],
  ...[...signatureFaults, ...timestampFaults, ...proofFaults],
]
/** Every error name of rows 0 to 8, in the order of the check order's rows. */
export const faultErrors: readonly RefusalName[] = [...new Set(faults.map(({ error }) => error))]
const faultsByError = new Map(faultErrors.map((error) => [error, faults.filter((each) => each.error === error)]))

const casesPerList = 32

/** The cases of a seed, always the same: some thirty from each signed list, the first of them untouched. */
export async function* casesOf(seed: string, count: number): AsyncGenerator<JudgedCase> {
  for (let number = 0; number < count; ) {
    const listSeed = `${seed}/${number / casesPerList}`
    const list = await signFuzzList(createRandom(listSeed))
    for (let i = 0; i < casesPerList && number < count; i++, number++) {
      yield makeCase(createRandom(`${listSeed}/${i}`), list, `seed ${seed} case ${number}`)
    }
  }
}

const validShare = 0.42
const oneFaultShare = 0.7

/** A lookup that holds, one with one known fault, or one with two or with edits that nobody can judge beforehand. */
function makeCase(random: Random, list: SignedFuzzList, title: string): JudgedCase {
  const isBroken = !random.chance(validShare)
  const made = isBroken && random.chance(oneFaultShare) ? breakOnce(random, list) : undefined
  const untouched = made?.untouched ?? validDraft(random, list)
  const twin = () => finishDraft(`${title} (twin)`, untouched)
  if (made !== undefined) {
    return { ...finishDraft(`${title}: ${made.fault.name}`, made.draft), wanted: made.fault.error, twin }
  }
  const draft = cloneDraft(untouched)
  const names = isBroken ? breakBlindly(draft, random) : ['untouched']
  return { ...finishDraft(`${title}: ${names.join(', ')}`, draft), wanted: isBroken ? undefined : 'ok', twin }
}

const draftsPerError = 8

/** A fault of an error chosen evenly, on a draft that it fits; where none is found, of another error. */
function breakOnce(random: Random, list: SignedFuzzList): { untouched: Draft; draft: Draft; fault: Fault } {
  for (const error of random.shuffled(faultErrors)) {
    for (let tries = 0; tries < draftsPerError; tries++) {
      const untouched = validDraft(random, list)
      const draft = cloneDraft(untouched)
      const fault = breakDraft(draft, random, error)
      if (fault !== undefined) return { untouched, draft, fault }
    }
  }
  throw new Error('no fault fits')
}

/** Applies a fault of the error; undefined where none fits. */
function breakDraft(draft: Draft, random: Random, error: RefusalName): Fault | undefined {
  const some = random.shuffled(faultsByError.get(error) ?? [])
  return some.find((fault) => applied(fault, draft, random))
}

/** Whether a fault fits; a draft that it does not fit is as it was. */
function applied(fault: Pick<Fault, 'apply'>, draft: Draft, random: Random): boolean {
  const before = cloneDraft(draft)
  if (fault.apply(draft, random) && isOnClock(draft)) return true
  Object.assign(draft, before)
  return false
}

/** Two faults together may ask for a time that no chain has. */
function isOnClock({ chain }: Draft): boolean {
  return [chain.blockTime, ...chain.expiries.map(({ expiresAt }) => expiresAt)].every(
    (time) => Number.isSafeInteger(time) && time >= 0,
  )
}

/** What faults change; the signed list is shared, and edits are functions. */
function cloneDraft(draft: Draft): Draft {
  const { list, requestEdits, responseEdits, publishers, timestamper, ...plain } = draft
  const shared = { list, publishers, timestamper, requestEdits: [...requestEdits], responseEdits: [...responseEdits] }
  return { ...structuredClone(plain), ...shared }
}

function breakBlindly(draft: Draft, random: Random): string[] {
  if (random.chance(0.5)) {
    return [1, 2].map(() => breakDraft(draft, random, random.pick(faultErrors))?.name ?? 'nothing that fits')
  }
  if (random.chance(0.25) && oddProof(draft, random)) return ['a leaf of no chain']
  if (random.chance(0.25) && otherTag(draft, random)) return ['another tag under the same proof']
  const edits = Array.from({ length: random.between(1, 2) }, () =>
    applied({ apply: random.pick(blindEdits) }, draft, random),
  )
  return [`${edits.length} blind edits`]
}
