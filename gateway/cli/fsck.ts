import { checkOffline } from '../offline.ts'
import { wantsJson } from './client/session.ts'
import { dataFlag, parseDataFolder } from './data-folder.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring fsck` */
export const fsck: Verb = {
  name: 'fsck',
  usage: '[--data DIR] [flags]',
  summary: 'Check everything that a stopped gateway stores: every byte, every row, every list.',
  notes: [
    'Re-hashes all content, finds the bytes of every row, rebuilds every list from its slots, and follows every version back to the first.',
    'Exit code 0 when nothing is wrong, else 1. Opening the folder removes what a crash left unfinished; beyond that nothing is changed.',
  ],
  flags: [dataFlag, jsonFlag],
  run: async (context) => {
    const problems = await checkOffline(parseDataFolder(context))
    const ok = problems.length === 0
    const lines = problems.map(({ kind, about, problem }) => `${kind}  ${about}: ${problem}`)
    const text = ok ? 'nothing is wrong' : [...lines, `${problems.length} problems`].join('\n')
    context.print(wantsJson(context) ? JSON.stringify({ ok, problems }) : text)
    return ok ? exitCodes.done : exitCodes.failed
  },
}
