// The page that stands between the command line and a wallet extension (EIP-1193, found by EIP-6963 too). It shows what is asked, and asks
// the wallet only when the person presses the button. All text that comes from elsewhere is set as text, never as markup.
const POLL_MS = 700
const NO_WALLET_AFTER_MS = 1500
const MAX_LABEL_LENGTH = 60
/** EIP-1193: the person said no. */
const USER_REJECTED = 4001
const at = (id) => document.getElementById(id)

/** The task on the screen; each is shown and answered once. */
let shown = null
let isOver = false
/** Whether the wallet is being asked. */
let isAsking = false
/** What the command line was told of last. */
let toldTrouble = ''

/** What stands in the way, in words; nothing was answered, and the person may try again. */
class Trouble extends Error {}

function show(element, text) {
  element.textContent = text
  element.hidden = text === ''
}

function add(parent, tag, text, name = '') {
  const element = document.createElement(tag)
  element.className = name
  element.textContent = text
  parent.append(element)
  return element
}

/** Wallets that announced themselves, by their uuid; and which one the person chose. */
const announced = new Map()
let chosen = null

/** Text of a wallet's own choosing: short, and nothing in it that turns or hides what is read. */
function label(text) {
  return String(text ?? '')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, MAX_LABEL_LENGTH)
}

function findWallets() {
  const found = [...announced.values()]
  const injected = window.ethereum
  if (injected && !found.some(({ provider }) => provider === injected)) {
    found.push({ id: 'injected', name: found.length === 0 ? '' : "the browser's own", rdns: '', provider: injected })
  }
  return found
}

function announce({ detail }) {
  const { info, provider } = detail ?? {}
  if (typeof info?.uuid !== 'string' || typeof provider?.request !== 'function') return
  const name = label(info.name) || 'a wallet without a name'
  announced.set(info.uuid, { id: info.uuid, name, rdns: label(info.rdns), provider })
  showWallets()
}

/** One wallet needs no choice; of several none is chosen for the person. */
function showWallets() {
  const found = findWallets()
  const list = at('wallets')
  list.hidden = found.length < 2 || !(shown?.kind in tasks)
  list.replaceChildren()
  add(list, 'legend', 'Which wallet?')
  for (const { id, name, rdns } of found) {
    const row = add(list, 'label', '')
    const choice = add(row, 'input', '')
    Object.assign(choice, { type: 'radio', name: 'wallet', value: id, checked: id === chosen })
    choice.addEventListener('change', () => {
      chosen = id
    })
    add(row, 'span', ` ${name} `)
    add(row, 'small', rdns)
  }
}

const noWallet =
  'no wallet extension is in this browser: open this address in the browser that has the wallet, or unlock it and load this page again'

function openWallet() {
  const found = findWallets()
  if (found.length === 0) throw new Trouble(noWallet)
  const wallet = found.length === 1 ? found[0] : found.find(({ id }) => id === chosen)
  if (wallet === undefined) throw new Trouble('several wallets are in this browser: choose one of them')
  return wallet.provider
}

async function readChain(wallet) {
  return Number(await wallet.request({ method: 'eth_chainId' }))
}

/** Wallets refuse typed data of a chain that they are not on. */
async function switchChain(wallet, chainId) {
  const before = chainId === null ? null : await readChain(wallet)
  if (before === chainId) return
  const params = [{ chainId: `0x${chainId.toString(16)}` }]
  let why = 'it stays there'
  await wallet.request({ method: 'wallet_switchEthereumChain', params }).catch((error) => {
    why = `it says: ${messageOf(error)}`
  })
  if ((await readChain(wallet)) === chainId) return
  throw new Trouble(`the wallet is on chain ${before}, and this is for chain ${chainId}: switch it there (${why})`)
}

async function connect(wallet, { chainId, address: wanted }) {
  const accounts = await wallet.request({ method: 'eth_requestAccounts' })
  const given = Array.isArray(accounts) ? accounts.map((each) => String(each)) : []
  if (given.length === 0) throw new Trouble('the wallet gives no account: unlock it, and let this page see one')
  const account = wanted === null ? given[0] : given.find((each) => each.toLowerCase() === wanted)
  if (account === undefined) {
    throw new Trouble(`the wallet gives the account ${given.join(', ')}, wanted ${wanted}: choose it in the wallet`)
  }
  await switchChain(wallet, chainId)
  return account
}

async function signTyped(wallet, task) {
  await switchChain(wallet, task.chainId)
  return wallet.request({ method: 'eth_signTypedData_v4', params: [task.address, task.document] })
}

function signText(wallet, { text, address }) {
  return wallet.request({ method: 'personal_sign', params: [hexOfText(text), address] })
}

function hexOfText(text) {
  return `0x${Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

const tasks = {
  connect: {
    lead: 'Choose the account that signs',
    about: 'The wallet is asked which account it lets this page see. Nothing is signed yet.',
    button: 'Connect the wallet',
    run: connect,
  },
  typed: {
    lead: 'Sign this?',
    about:
      'The wallet is asked to sign what follows, and nothing else. It is a statement: no transaction is sent, nothing is spent, and nobody may move what the account owns. Compare it with the terminal and with what the wallet shows.',
    button: 'Sign with the wallet',
    run: signTyped,
  },
  text: {
    lead: 'Log in?',
    about: 'The wallet is asked to sign this text, and nothing else. It names the one gateway that it is good for.',
    button: 'Sign with the wallet',
    run: signText,
  },
}

/** A line of the command line: what becomes of a tag, or more about the line above. */
function showMeaning(lines) {
  const list = at('meaning')
  list.hidden = lines.length === 0
  list.replaceChildren()
  for (const [position, line] of lines.entries()) {
    const text = line.trimStart()
    const [, kind = '', rest = text] = /^(added|moved|removed|flagged) +(.*)$/su.exec(text) ?? []
    const isMore = line.length - text.length > 2
    const row = add(list, 'li', '', isMore ? 'more' : `${position === 0 ? 'head' : 'change'} ${kind}`)
    if (kind) add(row, 'b', `${kind}  `)
    add(row, 'span', rest.replaceAll(/ {2,}/g, '\n'))
  }
}

function showFacts({ address, document: typed }) {
  const { domain } = typed ? JSON.parse(typed) : {}
  const facts = [
    ['Account', address],
    ['Chain', domain?.chainId],
    ['Contract', domain?.verifyingContract],
  ].filter(([, value]) => value !== undefined && value !== null)
  const list = at('facts')
  list.hidden = facts.length === 0
  list.replaceChildren()
  for (const [name, value] of facts) {
    add(list, 'dt', name)
    add(list, 'dd', String(value))
  }
}

function present(task) {
  shown = task
  isOver = task.kind === 'over'
  const { lead = 'Waiting for the command line.', about = '', button = '' } = tasks[task.kind] ?? {}
  show(at('lead'), isOver ? overLead(task) : lead)
  show(at('about'), isOver ? `${task.text} This page can be closed.`.trim() : about)
  show(at('error'), '')
  show(at('go'), button)
  at('no').hidden = button === ''
  showMeaning(task.meaning ?? [])
  show(at('text'), task.kind === 'text' ? task.text : '')
  showFacts(task.kind === 'typed' || task.kind === 'text' ? task : {})
  const whole = task.document ? JSON.stringify(JSON.parse(task.document), null, 2) : ''
  at('document').textContent = whole
  at('raw').hidden = whole === ''
  showWallets()
}

function overLead({ ok }) {
  return ok ? 'Done' : 'It did not work'
}

function messageOf(error) {
  return String(error?.message || error || 'no reason given').slice(0, 300)
}

/** Shows what stands in the way, and tells the terminal, once each. */
function tell(message) {
  show(at('error'), message)
  if (message === toldTrouble || !(shown?.kind in tasks)) return
  toldTrouble = message
  post('trouble', { error: { message } }).catch(() => {})
}

function post(path, answer) {
  const body = JSON.stringify({ id: shown.id, ...answer })
  return fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

async function send(answer) {
  const response = await post('answer', answer).catch(() => null)
  if (response === null) throw new Error('the command line is gone: nobody has taken this')
  if (!response.ok) throw new Error((await response.text()).trim())
  toldTrouble = ''
  present({ id: shown.id, kind: 'wait' })
}

/** Asks the wallet. A person's no there is the answer; what can be mended is told, and may be tried again. */
async function answerOf(task) {
  try {
    return { result: (await tasks[task.kind].run(openWallet(), task)) ?? null }
  } catch (error) {
    if (error instanceof Trouble) throw error
    const message = `the wallet says: ${messageOf(error)}`
    if (error?.code !== USER_REJECTED) throw new Trouble(message)
    return { error: { code: USER_REJECTED, message: `refused in the wallet, so nothing was signed (${message})` } }
  }
}

async function press() {
  const task = shown
  show(at('error'), '')
  at('go').disabled = isAsking = true
  try {
    const answer = await answerOf(task)
    if (task.id === shown.id) await send(answer)
  } catch (error) {
    tell(messageOf(error))
  } finally {
    at('go').disabled = isAsking = false
  }
}

async function refuse() {
  const message = 'refused on the signing page: nothing was signed'
  await send({ error: { code: USER_REJECTED, message } }).catch((error) => tell(messageOf(error)))
}

/** A task that another tab answered is over here too. */
function isNews({ id, kind }) {
  if (shown === null || kind === 'over') return true
  return id === null ? shown.kind !== 'wait' : id !== shown.id
}

const gone = { kind: 'over', ok: false, text: 'The command line has ended or was stopped: see the terminal.' }

async function readTask() {
  try {
    return await (await fetch('task')).json()
  } catch {
    return gone
  }
}

async function poll() {
  const asked = shown
  const task = await readTask()
  // What was asked for before an answer went out is stale.
  if (!isOver && asked === shown && isNews(task)) present(task)
  if (!isOver) setTimeout(poll, POLL_MS)
}

window.addEventListener('eip6963:announceProvider', announce)
window.dispatchEvent(new Event('eip6963:requestProvider'))
at('go').addEventListener('click', press)
at('no').addEventListener('click', refuse)
// Wallets may come late; one that never comes is told of before anybody presses.
setTimeout(() => {
  if (findWallets().length === 0 && !isAsking) tell(noWallet)
}, NO_WALLET_AFTER_MS)
poll()
