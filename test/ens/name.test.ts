import fc from 'fast-check'
import { keccak256, toHex } from 'viem'
import { namehash, normalize, packetToBytes } from 'viem/ens'
import { describe, expect, test } from 'vitest'
import {
  checkRepositoryLabels,
  decodeDnsName,
  encodeDnsName,
  nodeOf,
  parseNameArgument,
  parseRepository,
  repositoryOf,
} from '../../gateway/ens/name.ts'
import { OciError } from '../../gateway/oci/error.ts'
import { isTag } from '../../gateway/tags/entry.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'

const a63 = 'a'.repeat(63)

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof OciError) return thrown.items[0]?.code ?? 'none'
    if (thrown instanceof Refusal) return thrown.reason
    throw thrown
  }
}

describe('protocol 1: repository names', () => {
  test.each([
    ['acme.eth', 'acme.eth'],
    ['acme.eth/web', 'web.acme.eth'],
    ['acme.eth/a/b', 'b.a.acme.eth'],
    ['web.acme.eth', 'web.acme.eth'],
    ['web.acme.eth/api', 'api.web.acme.eth'],
    ['acme.eth/blobs/uploads', 'uploads.blobs.acme.eth'],
    ['registry.example.com/app', 'app.registry.example.com'],
    ['0.1/a--b', 'a--b.0.1'],
    [`${a63}.eth`, `${a63}.eth`],
    ['a.b/c/d/e/f/g/h/i/j', 'j.i.h.g.f.e.d.c.a.b'],
  ])('%s is %s', (path, ensName) => {
    expect(parseRepository(path)).toEqual({ repository: path, ensName })
  })

  test.each([
    ['an empty path', '', 'acme.eth'],
    ['a first component without a dot', 'acme/web', 'acme.eth/web'],
    ['a further component with a dot', 'acme.eth/web.app', 'acme.eth/web'],
    ['an upper-case letter', 'acme.eth/Web', 'acme.eth/web'],
    ['an upper-case top-level domain', 'acme.ETH', 'acme.eth'],
    ['an underscore inside a label', 'acme.eth/my_app', 'acme.eth/my-app'],
    ['two underscores', 'acme.eth/my__app', 'acme.eth/my-app'],
    ['a leading underscore', 'acme.eth/_app', 'acme.eth/app'],
    ['hyphens at the third and fourth place', 'acme.eth/ab--cd', 'acme.eth/abc--d'],
    ['punycode', 'acme.eth/xn--caf-dma', 'acme.eth/xn-caf-dma'],
    ['a leading hyphen', 'acme.eth/-app', 'acme.eth/app'],
    ['a final hyphen', 'acme.eth/app-', 'acme.eth/app'],
    ['two dots', 'acme..eth', 'acme.eth'],
    ['a leading dot', '.acme.eth', 'acme.eth'],
    ['a final dot', 'acme.eth.', 'acme.eth'],
    ['only dots', '..', 'a.b'],
    ['a parent folder', 'acme.eth/../web', 'acme.eth/web'],
    ['an encoded slash', 'acme.eth%2fweb', 'acme.eth/web'],
    ['two slashes', 'acme.eth//web', 'acme.eth/web'],
    ['a leading slash', '/acme.eth', 'acme.eth'],
    ['a final slash', 'acme.eth/', 'acme.eth'],
    ['a port', 'acme.eth:5000/web', 'acme.eth/web'],
    ['a space', 'acme.eth/my app', 'acme.eth/myapp'],
    ['a line break', 'acme.eth/web\n', 'acme.eth/web'],
    ['a zero byte', 'acme.eth/we\0b', 'acme.eth/web'],
    ['a letter outside ASCII', 'acme.eth/caf\u00e9', 'acme.eth/cafe'],
    ['a fullwidth dot', 'acme\uff0eeth', 'acme.eth'],
    ['eleven labels', 'a.b/c/d/e/f/g/h/i/j/k', 'a.b/c/d/e/f/g/h/i/j'],
    ['a label of 64 bytes', `a${a63}.eth`, `${a63}.eth`],
    ['a name of 254 bytes', `${a63}.eth/${a63}/${a63}/${'a'.repeat(58)}`, `${a63}.eth/${a63}/${a63}/${'a'.repeat(57)}`],
  ])('400 NAME_INVALID: %s', (_, refused, accepted) => {
    expect(codeOf(() => parseRepository(accepted))).toBe('accepted')
    expect(codeOf(() => parseRepository(refused))).toBe('NAME_INVALID')
  })

  test('names agree with ENSIP-15 and the OCI grammar on every label of up to eight characters tried', () => {
    const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
    const label = fc.string({ unit: fc.constantFrom(..."ab09-_$'Ax\u00e9"), minLength: 1, maxLength: 8 })
    const isBoth = (text: string) => component.test(text) && isNormalized(`${text}.eth`)
    fc.assert(
      fc.property(label, (text) => (codeOf(() => parseRepository(`acme.eth/${text}`)) === 'accepted') === isBoth(text)),
      { seed: 15, numRuns: 3000 },
    )
  })

  test('the repository form of an ENS name reads back as that name', () => {
    for (const ensName of ['acme.eth', 'web.acme.eth', 'b.a.acme.eth']) {
      expect(parseRepository(repositoryOf(ensName)).ensName).toBe(ensName)
    }
    expect(repositoryOf('b.a.acme.eth')).toBe('acme.eth/a/b')
    expect(codeOf(() => repositoryOf('eth'))).toBe('NAME_INVALID')
  })

  test('NAME of the command line is an ENS name or a repository', () => {
    const web = { repository: 'acme.eth/web', ensName: 'web.acme.eth' }
    expect(parseNameArgument('web.acme.eth')).toEqual(web)
    expect(parseNameArgument('acme.eth/web')).toEqual(web)
    expect(codeOf(() => parseNameArgument('web'))).toBe('NAME_INVALID')
    expect(codeOf(() => parseNameArgument('acme.eth/web:1.2'))).toBe('NAME_INVALID')
  })
})

function isNormalized(name: string): boolean {
  try {
    return normalize(name) === name
  } catch {
    return false
  }
}

describe('protocol 1: ?ns=', () => {
  test.each([
    ['web', 'acme.eth', 'web.acme.eth'],
    ['a/b', 'acme.eth', 'b.a.acme.eth'],
    ['acme.eth/web', 'acme.eth', 'web.acme.eth'],
    ['acme.eth', 'acme.eth', 'acme.eth'],
    ['api', 'web.acme.eth', 'api.web.acme.eth'],
    ['library/alpine', 'docker.io', 'alpine.library.docker.io'],
  ])('%s?ns=%s is %s', (path, ns, ensName) => {
    expect(parseRepository(path, ns).ensName).toBe(ensName)
  })

  test('another ENS name in front of a whole one is refused, not repaired', () => {
    expect(codeOf(() => parseRepository('acme.eth/web', 'acme.eth'))).toBe('accepted')
    expect(codeOf(() => parseRepository('acme.eth/web', 'other.eth'))).toBe('NAME_INVALID')
    expect(codeOf(() => parseRepository('acme.ethical/web', 'acme.eth'))).toBe('NAME_INVALID')
  })

  test.each(['localhost:5050', '127.0.0.1:5000', 'acme.eth:443', 'ACME.eth', 'eth', '', 'acme.eth/web', 'acme..eth'])(
    '404 NAME_UNKNOWN: ns %j is no ENS name, so that clients go on to that registry',
    (ns) => {
      expect(codeOf(() => parseRepository('acme.eth/web', 'acme.eth'))).toBe('accepted')
      expect(codeOf(() => parseRepository('acme.eth/web', ns))).toBe('NAME_UNKNOWN')
    },
  )
})

describe('protocol 1: tags', () => {
  test.each(['v1', '_', 'A.b-c_9', 'x'.repeat(128)])('%s is a tag', (tag) => expect(isTag(tag)).toBe(true))
  test.each(['', '.v1', '-v1', 'a b', 'a/b', 'v1\n', 'caf\u00e9', 'x'.repeat(129)])('%j is no tag', (tag) => {
    expect(isTag('v1')).toBe(true)
    expect(isTag(tag)).toBe(false)
  })
})

describe('DNS wire names', () => {
  const names = ['acme.eth', 'web.acme.eth', 'caf\u00e9.eth', '\u{1f98a}.eth', `${a63}.${a63}.${a63}.${'a'.repeat(61)}`]

  test.each(names)('%s: wire form and namehash are those of viem, and it reads back', (ensName) => {
    const wire = encodeDnsName(ensName)
    expect(wire).toBe(toHex(packetToBytes(ensName)))
    expect(decodeDnsName(wire)).toEqual({ labels: ensName.split('.'), ensName, node: namehash(ensName) })
    expect(nodeOf(ensName)).toBe(namehash(ensName))
  })

  test('the root is one zero byte', () => {
    expect(decodeDnsName('0x00')).toEqual({ labels: [], ensName: '', node: nodeOf('') })
    expect(nodeOf('')).toBe(`0x${'00'.repeat(32)}`)
  })

  test.each([
    ['no final zero byte', '0x0461636d6503657468'],
    ['bytes behind the end', '0x0461636d650365746800ff'],
    ['a label past the end', '0x0461636d65096574'],
    ['a compression pointer', '0x0461636d65c000'],
    ['a label of 64 bytes', `0x40${'61'.repeat(64)}00`],
    ['a dot inside a label', '0x087765622e61636d650365746800'],
    ['a zero byte inside a label', '0x0461636d000365746800'],
    ['256 bytes', `0x${`3f${'61'.repeat(63)}`.repeat(3)}3e${'61'.repeat(62)}00`],
    ['nothing', '0x'],
    ['odd hex', '0x000'],
  ] as const)('InvalidName: %s', (_, wire) => {
    expect(codeOf(() => decodeDnsName('0x0461636d650365746800'))).toBe('accepted')
    expect(codeOf(() => decodeDnsName(wire))).toBe('InvalidName')
  })

  test('ENSIP-10 a label that is not UTF-8 has no text and stands as its hash', () => {
    const labelHash = keccak256('0xc328')
    const { ensName, node } = decodeDnsName('0x02c3280365746800')
    expect(ensName).toBe(`[${labelHash.slice(2)}].eth`)
    expect(node).toBe(namehash(ensName))
    expect(nodeOf(ensName)).toBe(node)
    expect(codeOf(() => encodeDnsName(ensName))).toBe('InvalidName')
    expect(codeOf(() => nodeOf('[0123].eth'))).toBe('accepted')
  })

  test('InvalidName: labels that do not fit are not encoded', () => {
    expect(codeOf(() => encodeDnsName(`${a63}.eth`))).toBe('accepted')
    for (const name of [`a${a63}.eth`, 'acme..eth', `${a63}.${a63}.${a63}.${a63}`]) {
      expect(codeOf(() => encodeDnsName(name))).toBe('InvalidName')
    }
  })

  test('InvalidName: a Unicode name is a name but no repository', () => {
    expect(codeOf(() => decodeDnsName(encodeDnsName('caf\u00e9.eth')))).toBe('accepted')
    expect(codeOf(() => checkRepositoryLabels(['cafe', 'eth']))).toBe('accepted')
    expect(codeOf(() => checkRepositoryLabels(['caf\u00e9', 'eth']))).toBe('InvalidName')
  })
})
