import { Session } from 'node:inspector'

/** Counts what a piece of work does, not how long it takes: the same on every machine, however busy. */
export type StepCounter = { count(work: () => unknown): Promise<number>; close(): Promise<void> }

type Coverage = {
  result: { url: string; functions: { ranges: { count: number }[] }[] }[]
}

/**
 * A step is one run of a block of code (a function's body, one turn of a loop, a branch) of the gateway's or of a library's, as V8 counts
 * them for precise block coverage; and each character or byte that is handed to what is not JavaScript and walks over all of it: a regular
 * expression, a text decoder, a copy of bytes. So work that grows with the square of an input shows as that, whatever the clock says. What
 * a regular expression does when it tries again is not seen: those here are over inputs of bounded length. Code that ran before the
 * counter was started is compiled without counters: start it first.
 */
export async function startStepCounter(): Promise<StepCounter> {
  const session = new Session()
  session.connect()
  const post = (method: string, params: object = {}) =>
    new Promise<unknown>((done, failed) => {
      session.post(method, params, (error, answer) => (error ? failed(error) : done(answer)))
    })
  await post('Profiler.enable')
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const walks = watchWalks()
  return {
    async count(work) {
      await post('Profiler.takePreciseCoverage')
      walks.from()
      await work()
      const walked = walks.sum()
      return walked + blocksIn((await post('Profiler.takePreciseCoverage')) as Coverage)
    },
    async close() {
      walks.restore()
      await post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}

function blocksIn({ result }: Coverage): number {
  const ours = result.filter(({ url }) => /\/(gateway|node_modules|fuzz\/fixtures)\//.test(url))
  return ours.reduce((sum, { functions }) => {
    return functions.reduce((inner, { ranges }) => ranges.reduce((all, { count }) => all + count, inner), sum)
  }, 0)
}

/** Lengths of what built-ins walk over. */
function watchWalks() {
  let sum = 0
  const [exec, decode] = [RegExp.prototype.exec, TextDecoder.prototype.decode]
  const [slice, set] = [Uint8Array.prototype.slice, Uint8Array.prototype.set]
  RegExp.prototype.exec = function (text) {
    const from = this.global || this.sticky ? this.lastIndex : 0
    const found = exec.call(this, text)
    // As far as it got: a match of a global expression goes on behind it the next time.
    const to = found === null ? String(text).length : found.index + found[0].length
    sum += Math.max(1, to - from)
    return found
  }
  TextDecoder.prototype.decode = function (bytes, options) {
    sum += bytes?.byteLength ?? 0
    return decode.call(this, bytes, options)
  }
  Uint8Array.prototype.slice = function (from, to) {
    const copied = slice.call(this, from, to)
    sum += copied.length
    return copied
  }
  Uint8Array.prototype.set = function (from, offset) {
    sum += from.length
    set.call(this, from, offset)
  }
  return {
    from() {
      sum = 0
    },
    sum: () => sum,
    restore() {
      RegExp.prototype.exec = exec
      TextDecoder.prototype.decode = decode
      Uint8Array.prototype.slice = slice
      Uint8Array.prototype.set = set
    },
  }
}
