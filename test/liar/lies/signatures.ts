import { concat, encodeAbiParameters, type Hex, numberToHex, pad, slice } from 'viem'
import { signMessage } from 'viem/accounts'
import { hashList, type SignerSignature } from '../../../gateway/tags/list.ts'
import { ascending, cast } from '../cast.ts'
import { everywhere, type Lie, type Scene, type Told } from '../lie.ts'
import { signaturesOver } from '../statement.ts'
import { policyOf } from '../world.ts'

const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** The honest list with other signatures. */
function signedBy({ honest }: Scene, signatures: readonly SignerSignature[]): Told {
  return { statement: { ...honest, signatures } }
}

/** The honest list with its one signature in another form. */
function reformed(change: (signature: Hex) => Hex): Lie['tell'] {
  return (scene) =>
    signedBy(
      scene,
      scene.honest.signatures.map(({ signer, signature }) => ({ signer, signature: change(signature) })),
    )
}

const flippedV = (signature: Hex): Hex => numberToHex(55 - Number(slice(signature, 64)), { size: 1 })
const lowestV = (signature: Hex): Hex => numberToHex(Number(slice(signature, 64)) - 27, { size: 1 })

/** Forms of a signature that other programs take (protocol 2.3). */
const forms: readonly Lie[] = (
  [
    ['high s', (it) => concat([slice(it, 0, 32), highS(slice(it, 32, 64)), flippedV(it)])],
    ['v of 0 or 1', (it) => concat([slice(it, 0, 64), lowestV(it)])],
    ['EIP-2098, 64 bytes', (it) => concat([slice(it, 0, 32), compactS(it)])],
    ['one byte behind the signature', (it) => concat([it, '0x00'])],
    ['a signature of no bytes', () => '0x'],
    ['the other v', (it) => concat([slice(it, 0, 64), flippedV(it)])],
    ['ERC-6492 around the signature', wrapped],
  ] as const satisfies readonly (readonly [string, (signature: Hex) => Hex])[]
).map(([name, change]) => ({ name, clause: '2.3', tell: reformed(change), expected: everywhere('BadSignature') }))

function highS(s: Hex): Hex {
  return pad(numberToHex(curveOrder - BigInt(s)), { size: 32 })
}

function compactS(signature: Hex): Hex {
  const parity = BigInt(Number(slice(signature, 64)) - 27) << 255n
  return pad(numberToHex(BigInt(slice(signature, 32, 64)) | parity), { size: 32 })
}

function wrapped(signature: Hex): Hex {
  const types = [{ type: 'address' }, { type: 'bytes' }, { type: 'bytes' }] as const
  const inner = encodeAbiParameters(types, [cast.stranger.address, '0x', signature])
  return concat([inner, `0x${'6492'.repeat(16)}`])
}

/** Who signed, and how many of them. */
const signers: readonly Lie[] = [
  {
    name: 'a list that a stranger signed',
    clause: '3.1 row 6',
    tell: async (scene) => ({ statement: await scene.sign({ signers: [cast.stranger] }) }),
    expected: everywhere('NotPublisher'),
  },
  {
    name: "a stranger's signature under the publisher's address",
    clause: '2.3',
    tell: async (scene) => {
      const [forged] = await signaturesOver(scene.domain, scene.honest.list, [cast.stranger])
      return signedBy(scene, [{ signer: cast.owner.address, signature: forged?.signature ?? '0x' }])
    },
    expected: everywhere('BadSignature'),
  },
  {
    name: 'the list hash signed as a personal message',
    clause: '2.3',
    tell: async (scene) => {
      const raw = hashList(scene.domain, scene.honest.list)
      const signature = await signMessage({ message: { raw }, privateKey: cast.owner.key })
      return signedBy(scene, [{ signer: cast.owner.address, signature }])
    },
    expected: everywhere('BadSignature'),
  },
  {
    name: 'a list that nobody signed',
    clause: '3.1 row 6',
    tell: (scene) => signedBy(scene, []),
    expected: everywhere('ThresholdNotMet'),
  },
  {
    name: 'one of two signatures',
    clause: '3.1 row 6',
    authority: 'both',
    tell: (scene) => signedBy(scene, scene.honest.signatures.slice(0, 1)),
    expected: everywhere('ThresholdNotMet'),
  },
  {
    name: 'one signature shown twice',
    clause: '2.3',
    authority: 'both',
    tell: (scene) => signedBy(scene, [...scene.honest.signatures.slice(0, 1), ...scene.honest.signatures.slice(0, 1)]),
    expected: everywhere('SignersNotAscending'),
  },
  {
    name: 'signers in descending order',
    clause: '2.3',
    authority: 'both',
    tell: (scene) => signedBy(scene, scene.honest.signatures.toReversed()),
    expected: everywhere('SignersNotAscending'),
  },
  {
    name: 'nobody as the first signer',
    clause: '2.3',
    tell: (scene) => {
      const nobody = { signer: `0x${'00'.repeat(20)}`, signature: `0x${'11'.repeat(65)}` } as const
      return signedBy(scene, [nobody, ...scene.honest.signatures])
    },
    expected: everywhere('SignersNotAscending'),
  },
  {
    name: 'a stranger beside the publishers',
    clause: '2.3',
    authority: 'both',
    tell: async (scene) => {
      const added = await signaturesOver(scene.domain, scene.honest.list, [cast.stranger])
      const all = [...scene.honest.signatures, ...added]
      return signedBy(
        scene,
        all.sort((one, other) => (one.signer < other.signer ? -1 : 1)),
      )
    },
    expected: everywhere('NotPublisher'),
  },
]

/** What changed on chain after the list was signed. */
const withdrawn: readonly Lie[] = [
  {
    name: 'a key that was revoked',
    clause: '3 revoke',
    authority: 'revoking',
    twin: async (scene) => ({ statement: await scene.sign({ signers: [cast.second] }) }),
    meanwhile: ({ world }) => world.act('revoking.eth', 'revoke', cast.second.address),
    tell: async (scene) => ({ statement: await scene.sign({ signers: [cast.second] }) }),
    expected: everywhere('Revoked'),
  },
  {
    name: 'a publisher who was struck out',
    clause: '3 setPolicy',
    authority: 'struck-out',
    twin: async (scene) => ({ statement: await scene.sign({ signers: [cast.second] }) }),
    meanwhile: ({ world }) =>
      world.act('struck-out.eth', 'setPolicy', policyOf({ publishers: [cast.owner], threshold: 1 })),
    tell: async (scene) => ({ statement: await scene.sign({ signers: [cast.second] }) }),
    expected: everywhere('NotPublisher'),
  },
]

/** Over the limits of row 0. The contract may revert in any way. */
const excessive: readonly Lie[] = [
  {
    name: 'nine signatures',
    clause: '3.1 row 0',
    tell: async (scene) => {
      const nine = Array.from({ length: 8 }, (_, seed) => ({
        signer: numberToHex(seed + 1, { size: 20 }),
        signature: `0x${'11'.repeat(65)}` as const,
      }))
      return signedBy(scene, [...nine, ...scene.honest.signatures])
    },
    expected: { proxy: 'BadResponse', library: 'BadResponse', contract: 'BadResponse' },
  },
  {
    name: 'a signature of 8193 bytes',
    clause: '3.1 row 0',
    tell: (scene) =>
      signedBy(scene, [{ signer: ascending([cast.owner])[0]?.address ?? '0x', signature: `0x${'11'.repeat(8193)}` }]),
    expected: { proxy: 'BadResponse', library: 'BadResponse', contract: 'BadResponse' },
  },
]

/** Rows 0 and 6. */
export const signatureLies: readonly Lie[] = [...forms, ...signers, ...withdrawn, ...excessive]
