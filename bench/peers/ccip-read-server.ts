import { createRequire } from 'node:module'
import { Server } from '@chainlink/ccip-read-server'
import { digestOf, tagAt } from '../tags.ts'

// The peer: @chainlink/ccip-read-server answering the same question as ENS's offchain resolver does, with a signature per request by the
// ethers that the package brings. Argument: {tags, key, resolver}. Prints {url}; its answers are under <url>/<sender>/<callData>.json.
const require = createRequire(createRequire(import.meta.url).resolve('@chainlink/ccip-read-server'))
const { ethers } = require('ethers')

const { tags, key, resolver }: { tags: number; key: string; resolver: string } = JSON.parse(process.argv[2] ?? '{}')
const records = new Map(
  Array.from({ length: tags }, (_, position) => [`oci-tag[${tagAt(position)}]`, digestOf(tagAt(position))]),
)
const signingKey = new ethers.utils.SigningKey(key)
const outer = ['function resolve(bytes name, bytes data) view returns (bytes result, uint64 expires, bytes signature)']
const getters = new ethers.utils.Interface(['function text(bytes32 node, string key) view returns (string)'])

function answer(data: string, request: string): [string, number, string] {
  const { args } = getters.parseTransaction({ data })
  const result: string = getters.encodeFunctionResult('text', [records.get(args.key) ?? ''])
  const expires = Math.floor(Date.now() / 1000) + 300
  const { keccak256, solidityKeccak256, hexConcat } = ethers.utils
  const types = ['bytes', 'address', 'uint64', 'bytes32', 'bytes32']
  const hash = solidityKeccak256(types, ['0x1900', resolver, expires, keccak256(request), keccak256(result)])
  const { r, _vs } = signingKey.signDigest(hash)
  return [result, expires, hexConcat([r, _vs])]
}

const server = new Server()
server.add(outer, [{ type: 'resolve', func: ([, data], request) => answer(data, String(request?.data)) }])
const listening = server.makeApp('/').listen(0, '127.0.0.1', () => {
  const address = listening.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port')
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`)
})
