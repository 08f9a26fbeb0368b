import { ZERO_HASH } from '../tags/list.ts'
import { parseSubject } from './client/session.ts'
import { callReset } from './owner/calls.ts'
import { runChange } from './owner/change.ts'
import { changeFlags } from './owner/flags.ts'
import type { Verb } from './verb.ts'

/** `mooring reset NAME` */
export const reset: Verb = {
  name: 'reset',
  usage: 'NAME [flags]',
  summary: 'Kill all lists and timestamps of a name: its epoch goes up by one, and the next list is version 1.',
  notes: ['After a stolen key was revoked, or a name came back to you. Revocations and the policy stay.'],
  flags: changeFlags,
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    return runChange(context, subject, ({ target, authority }) => {
      const nothing = { minVersion: 0n, anchorVersion: 0n, anchorHash: ZERO_HASH }
      const epoch = authority.epoch + 1n
      return {
        transaction: callReset(target),
        view: (seen) => ({ epoch: Number(seen.epoch), minVersion: Number(seen.minVersion) }),
        afterwards: { ...authority, ...nothing, epoch },
        consequence: `every list and timestamp of ${subject.ensName} before epoch ${epoch} is refused for good; other names keep theirs`,
      }
    })
  },
}
