import { environmentKey } from '../config.ts'
import { defaultStateDir } from './client/memory.ts'
import { answerDocker } from './logins/credential-helper.ts'
import { openStoredLogins } from './logins/stored-logins.ts'

/** Hosts and secrets are short. */
const MAX_INPUT_BYTES = 64 * 1024

async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_INPUT_BYTES) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const action = process.argv[2]
const stateDir = process.env[environmentKey('state')] || defaultStateDir(process.env)
// Nobody writes to `list`.
const input = action === 'list' ? '' : await readInput()
const { out, code } = await answerDocker(openStoredLogins(stateDir), action, input, Math.floor(Date.now() / 1000))
process.stdout.write(out === '' ? '' : `${out}\n`, () => process.exit(code))
