import { type Address, getTypesForEIP712Domain, type Hex } from 'viem'

/** Typed data that somebody is asked to sign: what wallets show (EIP-712), and the hash that a signature is over. */
export type SigningRequest = {
  /** In 0x hex: `keccak256(0x1901 | domainSeparator | hashStruct)`. */
  hash: Hex
  document: TypedDocument
  /** What it means for people, line by line; a signer with a page of its own shows it. */
  meaning: readonly string[]
}

/** Typed data as viem and wallets name its parts. */
export type TypedDocument = {
  domain: { name?: string; version?: string; chainId: number; verifyingContract: Address }
  types: Readonly<Record<string, readonly { name: string; type: string }[]>>
  primaryType: string
  message: Readonly<Record<string, unknown>>
}

/** Whoever signs for a person on this machine: a key, or a wallet that the person looks at. No key leaves it. */
export type ClientSigner = {
  /** Lower case. */
  address: Address
  /** What it answers is not believed: the caller checks it. @throws SignerRefused */
  signTyped(request: SigningRequest): Promise<Hex>
  /** ERC-191 version 0x45 over a text, which no list hash can be taken for. @throws SignerRefused */
  signText(text: string): Promise<Hex>
  /** Ends what it opened; a page that a person looks at shows what came of it. */
  close(end?: SigningEnd): Promise<void>
}

/** What came of what was signed, in words for people. */
export type SigningEnd = { ok: boolean; text: string }

/** A signer did not sign, or answered what is no signature; never holds a secret. */
export class SignerRefused extends Error {
  override readonly name = 'SignerRefused'
  constructor(
    message: string,
    /** Whether it is certain that nothing was signed: the person said no (EIP-1193 error 4001). */
    readonly isRejection = false,
  ) {
    super(message)
  }
}

/** Does what a signer is needed for and ends the signer, which learns what came of it. @throws what the work throws */
export async function endSignerAfter<Result>(
  signer: ClientSigner,
  work: () => Promise<Result>,
  tell: (result: Result) => string,
): Promise<Result> {
  let end: SigningEnd = { ok: false, text: '' }
  try {
    const result = await work()
    end = { ok: true, text: tell(result) }
    return result
  } catch (error) {
    end.text = error instanceof Error ? error.message : String(error)
    throw error
  } finally {
    await signer.close(end)
  }
}

/** The JSON of typed data as `eth_signTypedData_v4` takes it: the domain's own type named, integers in decimal text. */
export function typedDocumentJson({ domain, types, primaryType, message }: TypedDocument): string {
  const named = { EIP712Domain: getTypesForEIP712Domain({ domain }), ...types }
  const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)
  return JSON.stringify({ types: named, domain, primaryType, message }, plain)
}

/**
 * A wallet's answer in the form of protocol 2.3: lower case, and `v` 27 or 28 where a device says 0 or 1. Anything else stays as it is:
 * a contract's signature has a form of its own. @throws SignerRefused for what is no hex
 */
export function canonicalSignature(answer: unknown): Hex {
  if (typeof answer !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(answer)) {
    throw new SignerRefused('the signer answers what is no signature: wanted 0x and hex digits')
  }
  const signature = answer.toLowerCase()
  const isShortV = signature.length === 132 && /0[01]$/.test(signature)
  return (isShortV ? `${signature.slice(0, 130)}${signature.endsWith('0') ? '1b' : '1c'}` : signature) as Hex
}
