// The page that stands between the command line and a wallet extension (EIP-1193). It shows what is asked, and asks the wallet only when
// the person presses the button.
const POLL_MS = 700
const at = (id) => document.getElementById(id)

/** The task on the screen; each is shown and answered once. */
let shown = null
let isOver = false

function show(element, text) {
  element.textContent = text
  element.hidden = text === ''
}

function hexOfText(text) {
  return `0x${Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Wallets refuse typed data of a chain that they are not on. */
async function switchChain(wallet, chainId) {
  if (chainId === null || Number(await wallet.request({ method: 'eth_chainId' })) === chainId) return
  await wallet.request({ method: 'wallet_switchEthereumChain', params: [{ chainId: `0x${chainId.toString(16)}` }] })
}

async function connect(wallet, { chainId }) {
  const [account] = await wallet.request({ method: 'eth_requestAccounts' })
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

const tasks = {
  connect: { lead: 'Choose the account that signs.', button: 'Connect the wallet', run: connect },
  typed: {
    lead: 'The wallet is asked to sign this, and nothing else:',
    button: 'Sign with the wallet',
    run: signTyped,
  },
  text: { lead: 'The wallet is asked to sign this text, to log in:', button: 'Sign with the wallet', run: signText },
}

async function send(answer) {
  const body = JSON.stringify({ id: shown.id, ...answer })
  const response = await fetch('answer', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (!response.ok) throw new Error((await response.text()).trim())
  present({ id: shown.id, kind: 'wait' })
}

async function press() {
  const wallet = window.ethereum
  show(at('error'), '')
  at('go').disabled = true
  try {
    if (!wallet) throw new Error('no wallet extension is in this browser')
    await send({ result: await tasks[shown.kind].run(wallet, shown) })
  } catch (error) {
    show(at('error'), error.message || String(error))
  } finally {
    at('go').disabled = false
  }
}

async function refuse() {
  await send({ error: { code: 4001, message: 'refused on the signing page' } }).catch((error) => {
    show(at('error'), error.message)
  })
}

function present(task) {
  shown = task
  const { lead = 'Waiting for the command line.', button = '' } = tasks[task.kind] ?? {}
  show(at('lead'), task.kind === 'over' ? 'All is signed. This page can be closed.' : lead)
  show(at('go'), button)
  at('no').hidden = button === ''
  show(at('meaning'), task.kind === 'text' ? task.text : (task.meaning ?? []).join('\n'))
  const whole = task.document ? JSON.stringify(JSON.parse(task.document), null, 2) : ''
  at('document').textContent = whole
  at('raw').hidden = whole === ''
  isOver = task.kind === 'over'
}

async function poll() {
  try {
    const task = await (await fetch('task')).json()
    if (shown === null || (task.id ?? shown.id) !== shown.id || task.kind === 'over') present(task)
  } catch {
    if (!isOver) show(at('lead'), 'The command line is gone. This page can be closed.')
    return
  }
  if (!isOver) setTimeout(poll, POLL_MS)
}

at('go').addEventListener('click', press)
at('no').addEventListener('click', refuse)
poll()
