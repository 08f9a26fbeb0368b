import type { Hex } from 'viem'
import { namehash, wireOf } from '../../ens/vector-cases/request.ts'
import { keyCall } from '../calls.ts'
import type { Draft } from '../draft.ts'
import { randomLabel } from '../names.ts'
import type { Random } from '../random.ts'
import { brokenTag } from '../tags.ts'
import { bytesIn, cutTo, type Fault, faultsOf, flipBit, joined, putByte, withNode } from './fault.ts'

type Change = (labels: string[], random: Random) => string[]

/** Another name, which only a lookup of a tag may not have; half of the time the calls are about it, so that nothing else is wrong. */
function renamed(change: Change): Fault['apply'] {
  return (draft, random) => {
    if (!draft.calls.some(({ tag }) => tag !== undefined)) return false
    const labels = change([...draft.labels], random)
    draft.wire = wireOf(labels)
    if (random.chance(0.5)) aimCalls(draft, namehash(labels))
    return true
  }
}

function aimCalls(draft: Draft, node: Hex): void {
  for (const call of draft.calls) call.callData = withNode(call.callData, node)
}

function changeLabel(change: (label: string, random: Random) => string): Change {
  return (labels, random) => {
    const at = random.between(0, labels.length - 1)
    return labels.map((label, position) => (position === at ? change(label, random) : label))
  }
}

/** Other bytes for the DNS-encoded name, whatever is asked. */
function rewired(change: (wire: Hex, random: Random, labels: readonly string[]) => Hex): Fault['apply'] {
  return (draft, random) => {
    draft.wire = change(wireOf(draft.labels), random, draft.labels)
    return true
  }
}

/** A byte inside some label. */
function strangeByte(byte: number): Fault['apply'] {
  return rewired((wire, random, labels) => {
    const deepest = labels[0] as string
    return putByte(wire, random.between(1, deepest.length), byte)
  })
}

const invalidName = faultsOf('InvalidName', {
  'an upper-case letter': renamed(changeLabel((label) => `A${label.slice(1)}`)),
  'an underscore': renamed(changeLabel((label) => `${label.slice(0, 5)}_a`)),
  'a hyphen in front': renamed(changeLabel((label) => `-${label.slice(1)}`)),
  'a hyphen at the end': renamed(changeLabel((label) => `${label.slice(0, 20)}-`)),
  'hyphens in third and fourth place': renamed(changeLabel((label) => `ab--${label.slice(0, 20)}`)),
  'a label in Unicode': renamed(changeLabel((label) => `é${label.slice(0, 20)}`)),
  'one label': renamed((labels) => labels.slice(-1)),
  'eleven labels': renamed((labels, random) => [
    ...Array.from({ length: 11 - labels.length }, () => randomLabel(random, 5)),
    ...labels,
  ]),
  'no label': renamed(() => []),
  'a dot inside a label': strangeByte(0x2e),
  'a NUL inside a label': strangeByte(0),
  'a compression pointer': rewired((wire, random) => putByte(wire, 0, 0xc0 | random.between(0, 63))),
  'a label of 64 bytes': rewired((wire) => joined('0x40', `0x${'61'.repeat(64)}`, wire)),
  'no final zero byte': rewired((wire) => cutTo(wire, bytesIn(wire) - 1)),
  'bytes behind the final one': rewired((wire, random) => joined(wire, random.bytes(random.between(1, 3)))),
  'a label past the end': rewired((wire) => cutTo(wire, 2)),
  'no bytes at all': rewired(() => '0x'),
  'over 255 bytes': rewired((wire, random) => joined(...Array.from({ length: 5 }, () => wireLabel(random)), wire)),
})

function wireLabel(random: Random): Hex {
  return joined('0x3f', cutTo(`0x${'6162636465'.repeat(13)}`, 62), `0x6${random.between(1, 9)}`)
}

/** One call, the third of a multicall as often as another. */
function changeCall(change: (callData: Hex, random: Random) => Hex): Fault['apply'] {
  return (draft, random) => {
    const call = draft.calls.length > 0 ? random.pick(draft.calls) : undefined
    if (call === undefined) return false
    call.callData = change(call.callData, random)
    return true
  }
}

const nodeMismatch = faultsOf('NodeMismatch', {
  'one bit of a node': changeCall((callData, random) => flipBit(random, callData, random.between(4, 35))),
  'another node': changeCall((callData, random) => withNode(callData, random.bytes(32))),
  'the node of the root': changeCall((callData) => withNode(callData, namehash([]))),
  'the node of the parent': (draft, random) => {
    const parent = namehash(draft.labels.slice(1))
    return changeCall((callData) => withNode(callData, parent))(draft, random)
  },
  'bytes that are not UTF-8': (draft, random) => {
    const asksTag = draft.calls.some(({ tag }) => tag !== undefined)
    return !asksTag && draft.calls.length > 0 && strangeByte(random.pick([0x80, 0xc3, 0xff]))(draft, random)
  },
  'another name': (draft, random) => {
    draft.wire = wireOf([`${randomLabel(random, 10)}0`, ...draft.labels.slice(1)])
    return draft.calls.length > 0 && draft.labels[0] !== ''
  },
  'calls for another name all together': (draft, random) => {
    aimCalls(draft, random.bytes(32))
    return draft.calls.length > 0
  },
})

/** Another key for one of the tag calls. */
function rekeyed(keyOf: (tag: string, random: Random) => string): Fault['apply'] {
  return (draft, random) => {
    const calls = draft.calls.filter(({ tag }) => tag !== undefined)
    if (calls.length === 0) return false
    const call = random.pick(calls)
    const node = `0x${call.callData.slice(10, 74)}` as const
    call.callData = keyCall(node, random.chance(0.5) ? 'text' : 'data', keyOf(call.tag as string, random))
    return true
  }
}

const invalidTag = faultsOf('InvalidTag', {
  'a tag outside the grammar': rekeyed((tag, random) => `oci-tag[${brokenTag(random, tag)}]`),
  'a tag of 129 characters': rekeyed((tag) => `oci-tag[${tag.padEnd(129, 'a')}]`),
  'no final bracket': rekeyed((tag) => `oci-tag[${tag}`),
  'something behind the bracket': rekeyed((tag, random) => `oci-tag[${tag}]${random.pick([' ', 'x', '\0', '[v1'])}`),
  'nothing behind the first bracket': rekeyed(() => 'oci-tag['),
})

/** Row 1. */
export const nameFaults: readonly Fault[] = [...invalidName, ...nodeMismatch, ...invalidTag]
