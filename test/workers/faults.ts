/** What becomes of a call: it goes through, fails before or after it took effect, or never ends, before or after. */
export type Fate = 'pass' | 'fail' | 'fail after' | 'hang' | 'hang after'

/** Decides about each call that reaches a binding, in order from 0. */
export type Decide = (call: number, method: string) => Fate

/** Calls of D1 and R2 that leave the isolate; the others only prepare one. */
const remote = new Set(['all', 'batch', 'head', 'get', 'put', 'delete', 'list', 'createMultipartUpload', 'uploadPart'])
const originals = new WeakMap<object, object>()

/** Bindings between which calls are counted together. `decided` has what was decided so far. */
export type Faults = { around<Binding extends object>(binding: Binding): Binding; decided: Fate[] }

/** Puts faults between the drivers and their bindings. `said`: what a call that fails says. */
export function createFaults(decide: Decide, said = 'Network connection lost.'): Faults {
  const decided: Fate[] = []
  const guard = async (method: string, call: () => Promise<unknown>): Promise<unknown> => {
    const fate = decide(decided.length, method)
    decided.push(fate)
    if (fate === 'hang') return new Promise(() => undefined)
    if (fate === 'fail') throw new Error(said)
    const answer = await call()
    if (fate === 'hang after') return new Promise(() => undefined)
    if (fate === 'fail after') throw new Error(said)
    return wrapped(answer)
  }
  /** Statements and uploads in progress are calls to come. */
  const wrapped = (answer: unknown): unknown => {
    const name = answer === null || typeof answer !== 'object' ? '' : answer.constructor.name
    return name === 'D1PreparedStatement' || name === 'R2MultipartUpload' ? around(answer as object) : answer
  }
  const around = <Binding extends object>(binding: Binding): Binding => {
    const proxy = new Proxy(binding, {
      get(target, method) {
        const value: unknown = Reflect.get(target, method, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          const call = () => value.apply(target, args.map(unwrapped))
          return remote.has(String(method)) ? guard(String(method), call) : wrapped(call())
        }
      },
    })
    originals.set(proxy, binding)
    return proxy
  }
  return { around, decided }
}

function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped)
  return (typeof value === 'object' && value !== null && originals.get(value)) || value
}
