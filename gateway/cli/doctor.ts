import { ConfigError } from '../config.ts'
import { visible } from '../oci/visible.ts'
import { connectionFlags } from './client/connect.ts'
import { parseSubject, type Subject, wantsJson } from './client/session.ts'
import type { Check } from './doctor/check.ts'
import { checkClock, checkGateway } from './doctor/gateway-checks.ts'
import { checkName } from './doctor/name-checks.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring doctor URL [NAME]` */
export const doctor: Verb = {
  name: 'doctor',
  usage: 'URL [NAME] [flags]',
  summary: 'Check a live gateway from outside, as wallets and docker see it, and say what to fix.',
  notes: [
    'Without NAME: what needs none. Of a static gateway (mooring export --ccip) what it cannot have is skipped.',
    'Exit code 1 when something needs a person.',
  ],
  flags: [...connectionFlags.filter(({ name }) => name !== 'gateway'), jsonFlag],
  run: async (context) => {
    const [text, name, ...more] = context.positionals
    const url = readUrl(text)
    if (more.length > 0) throw new ConfigError('NAME', [name, ...more].join(' '), 'one name')
    const subject = name === undefined ? null : parseSubject({ ...context, positionals: [name] }, 'NAME')
    const checks: Check[] = []
    const say = (check: Check) => {
      checks.push(check)
      if (!wantsJson(context)) context.print(describe(check))
    }
    const kind = await examineAll(context, { url, say }, subject)
    const failed = checks.filter((check) => !check.ok)
    const ok = failed.length === 0
    const value = { ok, url, name: subject?.ensName ?? null, kind, checks }
    const skipped = checks.filter((check) => check.skipped).length
    const counts = `${checks.length - failed.length - skipped} fine, ${skipped} skipped, ${failed.length} to fix`
    context.print(wantsJson(context) ? JSON.stringify(value) : `${url}: ${counts}`)
    return ok ? exitCodes.done : exitCodes.failed
  },
}

function readUrl(text: string | undefined): string {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  const isBase = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (text !== undefined && isBase) return text.replace(/\/+$/, '')
  throw new ConfigError('URL', text ?? null, 'the base URL of a gateway: http:// or https://, without ? and #')
}

type Examined = Parameters<typeof checkGateway>[0]

async function examineAll(
  context: VerbContext,
  patient: Examined,
  subject: Subject | null,
): Promise<'full' | 'static' | null> {
  const found = await checkGateway(patient)
  if (found === null) return null
  const blockTime = subject === null ? null : await checkName(patient, found.kind, context, subject)
  await checkClock(patient, found.time, blockTime)
  return found.kind
}

/** What a gateway wrote is shown as visible ASCII. */
function describe({ name, ok, detail, skipped, fix }: Check): string {
  const mark = ok ? (skipped ? 'skip' : 'ok  ') : 'FAIL'
  const repair = fix === null ? '' : `\n        fix: ${fix}`
  return `  ${mark}  ${name.padEnd(15)}  ${visible(detail)}${repair}`
}
