import type { Hex } from 'viem'

/** What a real Bee node 2.8 answers with redundancy level 0 for content whose byte i is (i * 7) mod 256. */
export const goldenReferences: readonly [bytes: number, reference: Hex][] = [
  [0, '0xb34ca8c22b9e982354f9c7f50b470d66db428d880c8a904d5fe4ec9713171526'],
  [1, '0xfe60ba40b87599ddfb9e8947c1c872a4a1a5b56f7d1b80f0a646005b38db52a5'],
  [4096, '0x4b9fc26733249a9a542879cc5469b2fb3d9edd2034358fe71a5696c6549b3833'],
  [4097, '0x765da3dd302693a5ceec0f6a0c7f8124f1796e6752ce080aed9d3a73879389a2'],
  [524288, '0x4ad0b921c082f6cb4902e7e7f60d0feeac29c69f759ddc8f0882dae1317fecc7'],
  [524289, '0xe9030c61dc9aacae402df19555a821d7b278371436e184e2388a981c172e93e0'],
  [5242880, '0x349436c96bbdfb2e30e82dfc4f9ee868ce95a779f4f24b83a9845a20f46c053b'],
]

/** 4,097 bytes of the same content at redundancy level 1. */
export const goldenLevel1: Hex = '0xd7c225fa55178a8640e31f8eec7b5672a077e66bb748e6ba11e6782227a4d1d5'

/** The chunk with the payload "hello". */
export const helloChunk = Buffer.from('\x05\0\0\0\0\0\0\0hello', 'latin1')
/** Its address. */
export const helloAddress: Hex = '0xa2322ed653c075c08a7847275537b74ba9f523c55341efe3df85565a78c6bb4a'

/** What nobody has stored. */
export const nowhere: Hex = `0x${'5a'.repeat(32)}`
