import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { visible } from '../../../oci/visible.ts'
import { signingPageFolder } from '../../../package-root.ts'
import type { SigningEnd } from './client-signer.ts'

/** What the page asks of the wallet next; `id` counts up, and each is answered once. */
export type PageTask =
  /** `address`: the account that must answer; null: whichever the person chooses. */
  | { kind: 'connect'; chainId: number | null; address: string | null }
  | { kind: 'typed'; address: string; chainId: number; document: string; meaning: readonly string[] }
  | { kind: 'text'; address: string; text: string }

/** What the page brings back: an account or a signature, or the error that there is none. Its message is visible ASCII. */
export type PageAnswer = { result: unknown } | { error: { code: number | null; message: string } }

/** A page for one person's wallet, served on loopback at an address that nobody can guess. */
export type SigningPage = {
  /** Where the person goes. It lets whoever has it answer: it is told to nobody else. */
  url: string
  /** Shows a task and resolves with its one answer. One at a time. @throws SigningPageClosed when none comes in time */
  ask(task: PageTask): Promise<PageAnswer>
  /** An open page shows what came of it, and then that nobody is there. */
  close(end?: SigningEnd): Promise<void>
}

/** How the page is served. */
export type SigningPageOptions = {
  /** How long a person may take over one task. */
  timeoutMs: number
  /** Is told what stands in a person's way there, such as a wallet on another chain: nothing was answered yet. Visible ASCII. */
  onTrouble?: (message: string) => void
}

/** Nobody answered in time. */
export class SigningPageClosed extends Error {
  override readonly name = 'SigningPageClosed'
}

const MAX_BODY_BYTES = 64 * 1024
const MAX_MESSAGE_LENGTH = 300
/** A page that is not ours could go on for ever. */
const MAX_TROUBLES = 50
const files: Readonly<Record<string, string>> = {
  '': 'text/html; charset=utf-8',
  'signing.js': 'text/javascript; charset=utf-8',
  'signing.css': 'text/css; charset=utf-8',
}
const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** A task that waits for its answer. */
type Waiting = { id: number; task: PageTask; answer: (answer: PageAnswer) => void }

/** All that the page knows now. */
type State = {
  token: string
  port: number
  tasks: number
  waiting: Waiting | null
  /** What came of it, and who is called when the page has learned of it; null until then. */
  over: { end: SigningEnd; told: () => void } | null
  troubles: number
  onTrouble: (message: string) => void
  /** Whether a page is open that asks. */
  isOpen: boolean
}

/** Serves the page until it is closed. */
export async function openSigningPage({ timeoutMs, onTrouble = () => {} }: SigningPageOptions): Promise<SigningPage> {
  const token = randomBytes(24).toString('hex')
  const state: State = { token, port: 0, tasks: 0, waiting: null, over: null, troubles: 0, onTrouble, isOpen: false }
  const server = createServer((request, response) => {
    respond(state, request, response).catch(() => refuse(response, 500, 'the page cannot be read'))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  state.port = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${state.port}/${state.token}/`,
    ask: (task) => askPage(state, task, timeoutMs),
    close: (end = ended) => closePage(server, state, end),
  }
}

function askPage(state: State, task: PageTask, timeoutMs: number): Promise<PageAnswer> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      state.waiting = null
      reject(new SigningPageClosed(`nobody answered on the signing page within ${timeoutMs / 1000} s`))
    }
    const patience = setTimeout(giveUp, timeoutMs)
    const answer = (given: PageAnswer) => {
      clearTimeout(patience)
      state.waiting = null
      resolve(given)
    }
    state.tasks += 1
    state.waiting = { id: state.tasks, task, answer }
  })
}

/** How long a page that is open may take to ask once more. */
const FAREWELL_MS = 2000
const ended: SigningEnd = { ok: true, text: 'What came of it stands in the terminal.' }

/** A page that is open learns that it is over; then nobody is there. */
async function closePage(server: Server, state: State, end: SigningEnd): Promise<void> {
  if (state.isOpen && state.over === null) {
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, FAREWELL_MS)
      const told = () => {
        clearTimeout(patience)
        resolve()
      }
      state.over = { end, told }
    })
  }
  await new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
}

async function respond(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const origin = `http://127.0.0.1:${state.port}`
  // Another name that leads here is somebody else's page (DNS rebinding).
  if (request.headers.host !== `127.0.0.1:${state.port}`) return refuse(response, 403, 'this page has another host')
  const path = pathBehindToken(state.token, request.url ?? '')
  if (path === null) return refuse(response, 404, 'nothing is here')
  if (request.method === 'POST' && (path === 'answer' || path === 'trouble')) {
    if (request.headers.origin !== origin) return refuse(response, 403, 'this request comes from another page')
    if (request.headers['content-type'] !== 'application/json') return refuse(response, 415, 'wanted application/json')
    const body = await readSmallBody(request)
    return path === 'answer' ? takeAnswer(state, body, response) : takeTrouble(state, body, response)
  }
  if (request.method !== 'GET') return refuse(response, 405, 'only GET, and POST of an answer')
  if (path === 'task') return sendTask(state, response)
  const type = Object.hasOwn(files, path) ? files[path] : undefined
  if (type === undefined) return refuse(response, 404, 'nothing is here')
  const body = await readFile(`${signingPageFolder()}/${path || 'signing.html'}`)
  response.writeHead(200, { ...headers, 'content-type': type }).end(body)
}

/** Compared without telling by the time how much of it was right. */
function pathBehindToken(token: string, path: string): string | null {
  const [, given = '', ...rest] = path.split('/')
  const [one, other] = [Buffer.from(given), Buffer.from(token)]
  if (rest.length !== 1 || one.length !== other.length || !timingSafeEqual(one, other)) return null
  return rest[0] ?? null
}

function sendTask(state: State, response: ServerResponse): void {
  const { waiting, over } = state
  state.isOpen = true
  if (over !== null) response.on('close', over.told)
  const nothing = over === null ? { id: null, kind: 'wait' } : { id: null, kind: 'over', ...over.end }
  sendJson(response, 200, waiting === null || over !== null ? nothing : { id: waiting.id, ...waiting.task })
}

function takeAnswer({ waiting }: State, body: string, response: ServerResponse): void {
  const answer = parseAnswer(body)
  if (answer === null) refuse(response, 400, 'wanted {"id", "result"} or {"id", "error"}')
  else if (waiting === null || waiting.id !== answer.id) refuse(response, 409, 'this was answered already')
  else {
    sendJson(response, 200, {})
    waiting.answer(answer.answer)
  }
}

/** Told while a task waits, and not for ever. */
function takeTrouble(state: State, body: string, response: ServerResponse): void {
  const { id, answer = null } = parseAnswer(body) ?? {}
  if (answer === null || !('error' in answer)) refuse(response, 400, 'wanted {"id", "error"}')
  else if (state.waiting === null || state.waiting.id !== id) refuse(response, 409, 'this was answered already')
  else {
    sendJson(response, 200, {})
    state.troubles += 1
    if (state.troubles <= MAX_TROUBLES) state.onTrouble(answer.error.message)
  }
}

async function readSmallBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseAnswer(text: string): { id: number; answer: PageAnswer } | null {
  try {
    const { id, result, error } = JSON.parse(text) as { id?: unknown; result?: unknown; error?: unknown }
    if (typeof id !== 'number') return null
    if (error === undefined) return { id, answer: { result } }
    const { code, message } = error as { code?: unknown; message?: unknown }
    const known = typeof code === 'number' ? code : null
    const said = visible(String(message).slice(0, MAX_MESSAGE_LENGTH))
    return { id, answer: { error: { code: known, message: said } } }
  } catch {
    return null
  }
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
}
