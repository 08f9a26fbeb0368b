import { readAtMost } from './answer.ts'
import { BeeError, type BeeFault } from './bee.ts'
import type { BeeAnswer } from './call.ts'

const maxErrorBytes = 4096

/** The error for an answer that is no 2xx. */
export async function faultOf(answer: BeeAnswer): Promise<BeeError> {
  const said = await readMessage(answer)
  const seconds = /^\d{1,9}$/.exec(answer.headers.get('retry-after') ?? '')
  const message = `${answer.what}: ${answer.status || 'a redirect'}${said && ` ${JSON.stringify(said)}`}`
  return new BeeError(chooseFault(answer.status, said), message, seconds ? Number(seconds[0]) : undefined)
}

function chooseFault(status: number, said: string): BeeFault {
  if (status < 400 || status === 416) return 'nonsense'
  if (status === 402) return 'batch full'
  if (status === 422 || (status === 400 && /invalid batch id/i.test(said))) return 'batch unusable'
  if (status === 404) return /\bbatch\b/i.test(said) ? 'batch unusable' : 'absent'
  if (status === 503 && /\bsync/i.test(said)) return 'syncing'
  return status === 429 || (status >= 500 && status !== 501) ? 'unavailable' : 'refused'
}

/** Bee's own words where it has some; empty for anything else and for what cannot be read. */
async function readMessage(answer: BeeAnswer): Promise<string> {
  const bytes = await readAtMost(answer.body, maxErrorBytes).catch(() => new Uint8Array())
  const text = new TextDecoder().decode(bytes)
  try {
    const { message, reasons } = JSON.parse(text) as { message?: unknown; reasons?: unknown }
    const why = Array.isArray(reasons) ? `: ${JSON.stringify(reasons)}` : ''
    return `${message}${why}`.slice(0, 300)
  } catch {
    return text.split('\n')[0]?.slice(0, 100) ?? ''
  }
}
