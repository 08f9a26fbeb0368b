import { readWholeList } from './client/read-list.ts'
import { parseSubject } from './client/session.ts'
import { callCheckpoint } from './owner/calls.ts'
import { runChange } from './owner/change.ts'
import { changeFlags } from './owner/flags.ts'
import type { Verb } from './verb.ts'

/** `mooring checkpoint NAME` */
export const checkpoint: Verb = {
  name: 'checkpoint',
  usage: 'NAME [flags]',
  summary:
    'Raise the floor of a name to its current list, so that nobody can be shown an older one. Anyone may pay for it.',
  notes: [
    'The list is read whole from a gateway and verified before it is relayed; its signatures are the permission.',
  ],
  flags: changeFlags,
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    return runChange(context, subject, async ({ session, target, authority }) => {
      const { signed } = await readWholeList(session, subject.repository)
      const { version } = signed.list
      const isHigher = version > authority.minVersion
      return {
        transaction: isHigher ? callCheckpoint(target, signed) : null,
        view: ({ epoch, minVersion }) => ({ epoch: Number(epoch), minVersion: Number(minVersion) }),
        afterwards: isHigher ? { ...authority, minVersion: version } : authority,
        consequence: `lists below version ${version} are refused from the next block on, by clients without memory too`,
      }
    })
  },
}
