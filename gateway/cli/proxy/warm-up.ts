import { setImmediate } from 'node:timers/promises'
import type { Address, Hex } from 'viem'
import { isSignatureValid } from '../../tags/signature.ts'

/** A signature made once by a key that nobody has any more. */
const example: { signer: Address; hash: Hex; signature: Hex } = {
  signer: '0xf03263794927ebe208cddfd670fbfd3362c0f4d4',
  hash: '0x69157903647e49b35eb950b78b1b32768cedb7b2cc27b3b52ec6ca692410751b',
  signature:
    '0x08407922560d7379c023ce1a51092ab4000f2d5ef2dd2563777ec9046b7e4cec713aae0de87669f93e9666fa9eb6b273c4e8d69696d8427583a44dbd2ddfbd501b',
}

const rounds = 8

/**
 * Checks a signature some times over: the first check builds the curve's tables and is compiled as it goes, which takes many times as long
 * as the later ones, and is not to be part of somebody's first pull. Others run in between. False if the example is not found valid, which
 * would be a fault of this program.
 */
export async function warmUp(): Promise<boolean> {
  let isValid = true
  for (let round = 0; round < rounds; round += 1) {
    await setImmediate()
    const { signer, hash, signature } = example
    isValid = (await isSignatureValid(signer, hash, signature, async () => undefined)) && isValid
  }
  return isValid
}
