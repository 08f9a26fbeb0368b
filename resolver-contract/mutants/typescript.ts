import { type Mutant, mutantsOf } from './mutant.ts'

const verify = mutantsOf('gateway/tags/verify.ts', [
  [
    'row 2: a name whose resolver is another is verified',
    "ensure(authority.reachable, 'UnreachableName'",
    "ensure(true, 'UnreachableName'",
  ],
  [
    'row 2: NoOwner comes before UnreachableName',
    "ensure(authority.reachable, 'UnreachableName'",
    "ensure(authority.reachable || authority.owner === null, 'UnreachableName'",
  ],
  ['row 3: any owner', "ensure(list.owner === owner, 'OwnerMismatch'", "ensure(list.owner !== null, 'OwnerMismatch'"],
  ['row 3: any epoch', 'ensure(list.epoch === epoch', 'ensure(list.epoch >= 0n'],
  ['row 3: later epochs pass', 'ensure(list.epoch === epoch', 'ensure(list.epoch >= epoch'],
  ['row 3: any delegations', 'list.delegations === NO_DELEGATIONS,', 'true,'],
  ['row 4: version 0 passes', 'const floor = minVersion > 1n ? minVersion : 1n', 'const floor = minVersion'],
  ['row 4: the floor itself is refused', 'list.version >= floor &&', 'list.version > floor &&'],
  ['row 4: the floor does not count', 'const floor = minVersion > 1n ? minVersion : 1n', 'const floor = 1n'],
  [
    'row 4: a version of 54 bits passes',
    'list.version <= BigInt(MAX_VERSION)',
    'list.version <= BigInt(MAX_VERSION) + 1n',
  ],
  ['row 4: no greatest version', ' && list.version <= BigInt(MAX_VERSION)', ''],
  [
    'row 4: an anchor at another version binds',
    'if (anchorHash === ZERO_HASH || list.version !== anchorVersion) return false',
    'if (anchorHash === ZERO_HASH) return false',
  ],
  ['row 4: any list at the anchored version', 'hash === anchorHash,', 'true,'],
  ['row 4: an anchor does not stand for signatures', 'if (!isAnchored) await checkSignatures', 'await checkSignatures'],
  ['row 5: skew of 301 seconds', 'CLOCK_SKEW_SECONDS = 300n', 'CLOCK_SKEW_SECONDS = 301n'],
  ['row 5: no skew', 'CLOCK_SKEW_SECONDS = 300n', 'CLOCK_SKEW_SECONDS = 0n'],
  [
    'row 5: the last second of the skew is refused',
    "issuedAt <= earlier + CLOCK_SKEW_SECONDS,\n    'IssuedInFuture'",
    "issuedAt < earlier + CLOCK_SKEW_SECONDS,\n    'IssuedInFuture'",
  ],
  [
    'row 5: "in the future" by the later clock',
    "issuedAt <= earlier + CLOCK_SKEW_SECONDS,\n    'IssuedInFuture'",
    "issuedAt <= later + CLOCK_SKEW_SECONDS,\n    'IssuedInFuture'",
  ],
  [
    'row 5: valid in the second it expires',
    "ensure(expiresAt > later, 'Expired'",
    "ensure(expiresAt >= later, 'Expired'",
  ],
  [
    'row 5: expiry by the earlier clock',
    "ensure(expiresAt > later, 'Expired'",
    "ensure(expiresAt > earlier, 'Expired'",
  ],
  ['row 5: 401 days', 'MAX_LIFETIME_SECONDS = 400n', 'MAX_LIFETIME_SECONDS = 401n'],
  [
    'row 5: exactly 400 days are refused',
    'expiresAt <= issuedAt + MAX_LIFETIME_SECONDS',
    'expiresAt < issuedAt + MAX_LIFETIME_SECONDS',
  ],
  ['row 5: may end before it begins', 'const isShort = issuedAt < expiresAt && expiresAt', 'const isShort = expiresAt'],
  ['row 5: may end when it begins', 'const isShort = issuedAt < expiresAt', 'const isShort = issuedAt <= expiresAt'],
  [
    'row 6: a signer may stand twice',
    "ensure(signer > previous, 'SignersNotAscending'",
    "ensure(signer >= previous, 'SignersNotAscending'",
  ],
  [
    'row 6: any order',
    "ensure(signer > previous, 'SignersNotAscending'",
    "ensure(signer !== previous, 'SignersNotAscending'",
  ],
  ['row 6: the signer before is forgotten', '    previous = signer\n', ''],
  [
    'row 6: anybody is a publisher',
    "ensure(publishers.includes(signer), 'NotPublisher'",
    "ensure(publishers.length > 0, 'NotPublisher'",
  ],
  ['row 6: revoked keys sign', "ensure(!(await authority.isRevoked(signer)), 'Revoked'", "ensure(true, 'Revoked'"],
  ['row 6: any signature', "ensure(isValid, 'BadSignature'", "ensure(true, 'BadSignature'"],
  ['row 6: one signature fewer than the threshold', 'seen >= threshold,', 'seen + 1 >= threshold,'],
  ['row 6: one signature is enough', 'seen >= threshold,', 'seen >= 1,'],
  ['row 6: more than the threshold is wanted', 'seen >= threshold,', 'seen > threshold,'],
  ['row 7: a timestamp that nobody asked for is wanted', 'if (timestamper === null) return\n', ''],
  [
    'row 7: no timestamp is as good',
    'if (timestamp === null)\n    throw',
    'if (timestamp === null) return\n  if (list === null)\n    throw',
  ],
  [
    'row 7: issued in the future',
    "issuedAt <= earlier + CLOCK_SKEW_SECONDS,\n    'BadTimestamp'",
    "true,\n    'BadTimestamp'",
  ],
  ['row 7: any signature', "ensure(isSigned, 'BadTimestamp'", "ensure(true, 'BadTimestamp'"],
  [
    'row 7: over another version',
    'hashTimestamp(authority, { node, epoch, version, list: hash',
    'hashTimestamp(authority, { node, epoch, version: version + 1n, list: hash',
  ],
  [
    'row 7: a revoked timestamper',
    "ensure(!(await authority.isRevoked(timestamper)), 'BadTimestamp'",
    "ensure(true, 'BadTimestamp'",
  ],
  [
    'row 7: stale in its last second',
    'later <= issuedAt + BigInt(maxAgeSeconds)',
    'later < issuedAt + BigInt(maxAgeSeconds)',
  ],
  [
    'row 7: of any age',
    'const isFresh = later <= issuedAt + BigInt(maxAgeSeconds) && expiresAt > later',
    'const isFresh = expiresAt > later',
  ],
  ['row 7: valid in the second it expires', '&& expiresAt > later', '&& expiresAt >= later'],
  ['row 7: its expiry does not count', ' && expiresAt > later', ''],
  ['row 7: age by the earlier clock', 'const isFresh = later <=', 'const isFresh = earlier <='],
  ['row 8: count 0', 'ensure(count >= 1n && count', 'ensure(count >= 0n && count'],
  ['row 8: count above 2^20', ' && count <= BigInt(MAX_COUNT)', ''],
  ['row 8: a path of any length', 'ensure(proof.path.length === depth', 'ensure(proof.path.length >= 0'],
  ['row 8: a path that is too long', 'ensure(proof.path.length === depth', 'ensure(proof.path.length >= depth'],
  ['row 8: any root', 'ensure(rootOfProof(proof) === list.root', 'ensure(rootOfProof(proof) !== undefined'],
  [
    'row 8: absence by any smaller key',
    "proof.key < key && (proof.nextKey === '0x' || key < proof.nextKey)",
    'proof.key < key',
  ],
  [
    'row 8: absence by any greater next key',
    "proof.key < key && (proof.nextKey === '0x' || key < proof.nextKey)",
    "(proof.nextKey === '0x' || key < proof.nextKey)",
  ],
  ['row 8: the next key itself is absent', '|| key < proof.nextKey)', '|| key <= proof.nextKey)'],
  [
    'row 8: nothing is after the greatest key',
    "(proof.nextKey === '0x' || key < proof.nextKey)",
    'key < proof.nextKey',
  ],
  [
    'row 8: a tombstone is present',
    'return stored === undefined || isTombstone(stored) ? undefined : stored',
    'return stored',
  ],
  ['row 9: another owner', "ensure(list.owner === owner, 'OwnerChanged'", "ensure(list.owner !== null, 'OwnerChanged'"],
  ['row 9: an older epoch', 'const isLower = list.epoch < epoch || ', 'const isLower = '],
  ['row 9: an older version', 'list.version < version)', 'list.version < 0n)'],
  [
    'row 9: two lists of one version',
    'const isSame = list.version !== version || hash === memory.hash',
    'const isSame = true',
  ],
  ['row 9: immutable across epochs', 'if (list.epoch !== epoch) return\n', ''],
])

const lookup = mutantsOf('gateway/ens/verify.ts', [
  [
    'row 8: a tombstone in a lookup is present',
    'entry === undefined || isTombstone(entry) ? undefined : entry',
    'entry',
  ],
  [
    'row 9: only the list is compared',
    'verifyAgainstMemory(memory, list, hash, tag, stored[position])',
    'verifyAgainstMemory(memory, list, hash, null, stored[position])',
  ],
  ['row 9: the first entry stands for all', 'hash, tag, stored[position])', 'hash, tag, stored[0])'],
])

const signature = mutantsOf('gateway/tags/signature.ts', [
  ['2.3: nobody may sign', 'if (signer === ZERO_ADDRESS || !isLowerHex(signature)', 'if (!isLowerHex(signature)'],
  ['2.3: signatures of any length', ' || byteLength(signature) > MAX_SIGNATURE_BYTES) return false', ') return false'],
  ['2.3: code is asked and the key is not', 'if ((await recoverSigner(hash, signature)) === signer) return true\n', ''],
  [
    '2.3: the magic number is enough without its word',
    '.slice(0, 66) === VALID_WORD',
    '.slice(0, 10) === VALID_WORD.slice(0, 10)',
  ],
  ['2.3: nothing may follow the word', '.slice(0, 66) === VALID_WORD', ' === VALID_WORD'],
  ['2.3: high s', ' || s > halfOrder) return undefined', ') return undefined'],
  ['2.3: half the order is one too small', 's > halfOrder', 's >= halfOrder'],
  ['2.3: v 0 and 1', "v !== '1b' && v !== '1c'", "v !== '1b' && v !== '1c' && v !== '00' && v !== '01'"],
])

const merkle = mutantsOf('gateway/tags/merkle.ts', [
  ['2.1: leaves hashed once', 'return keccakOfBytes(hexToBytes(keccakOfBytes(bytes)))', 'return keccakOfBytes(bytes)'],
  ['2.1: pairs unsorted', 'return a < b ? keccakOfPair(a, b) : keccakOfPair(b, a)', 'return keccakOfPair(a, b)'],
  ['2.1: depth of one slot too few', '32 - Math.clz32(count - 1)', '32 - Math.clz32(count)'],
  [
    '2.1: an empty subtree is zero at every level',
    'emptyHashes.push(keccakOfPair(emptyHashes[next - 1]!, emptyHashes[next - 1]!))',
    'emptyHashes.push(emptyHashes[next - 1]!)',
  ],
  ['2.1: half of 2^20 slots', 'MAX_COUNT = 1_048_576', 'MAX_COUNT = 524_288'],
])

const entry = mutantsOf('gateway/tags/entry.ts', [
  ['2.1: size 0', 'size < 1 ||', 'size < 0 ||'],
  ['2.1: size over 4 MiB', 'MAX_ENTRY_SIZE_BYTES = 4_194_304', 'MAX_ENTRY_SIZE_BYTES = 4_194_305'],
  ['2.1: updatedVersion 0', 'updatedVersion < 1 ||', 'updatedVersion < 0 ||'],
  ['2.1: updatedVersion after the list', 'BigInt(updatedVersion) > version', 'BigInt(updatedVersion) > version + 1n'],
  ['2.1: unknown flags', 'if (!knownFlags.includes(flags))', 'if (flags > 255)'],
  [
    '2.1: a tombstone alone',
    'const knownFlags = [0, FLAG_IMMUTABLE,',
    'const knownFlags = [0, FLAG_TOMBSTONE, FLAG_IMMUTABLE,',
  ],
  ['2.1: a space in a media type', '/^[\\x21-\\x7e]{1,255}$/', '/^[\\x20-\\x7e]{1,255}$/'],
  ['2.1: DEL in a media type', '/^[\\x21-\\x7e]{1,255}$/', '/^[\\x21-\\x7f]{1,255}$/'],
  ['2.1: a media type of 256 bytes', '/^[\\x21-\\x7e]{1,255}$/', '/^[\\x21-\\x7e]{1,256}$/'],
  ['2.1: a media type cut to 255 bytes', 'DIGEST_OFFSET + digestBytes + 256)', 'DIGEST_OFFSET + digestBytes + 255)'],
  [
    '2.1: an unknown algorithm is sha512',
    "if (algorithm !== '01' && algorithm !== '02') throw",
    "if (algorithm === '00') throw",
  ],
  ['1: a tag of 129 characters', '[a-zA-Z0-9._-]{0,127}$/', '[a-zA-Z0-9._-]{0,128}$/'],
  ['1: a tag that begins with a dot', '/^[a-zA-Z0-9_][a-zA-Z0-9._-]', '/^[a-zA-Z0-9_.][a-zA-Z0-9._-]'],
  ['1: a tag that begins with a hyphen', '/^[a-zA-Z0-9_][a-zA-Z0-9._-]', '/^[a-zA-Z0-9_-][a-zA-Z0-9._-]'],
  ['row 9: an immutable entry that is gone', 'if (after === undefined) throw', 'if (after === null) throw'],
  ['row 9: an immutable entry with another media type', ' && before.mediaType === after.mediaType', ''],
  ['row 9: an immutable entry with another size', ' && before.size === after.size', ''],
  ['row 9: an immutable entry that loses a flag', 'if ((before.flags & ~after.flags) !== 0)', 'if (before.flags < 0)'],
])

const list = mutantsOf('gateway/tags/list.ts', [
  ['2.2: the chain is not in the domain', "  { name: 'chainId', type: 'uint256' },\n", ''],
  ['2.2: the resolver is not in the domain', "  { name: 'verifyingContract', type: 'address' },\n", ''],
  [
    '2.2: another domain version',
    "{ name: 'Mooring', version: '1', chainId, verifyingContract: resolver }",
    "{ name: 'Mooring', version: '2', chainId, verifyingContract: resolver }",
  ],
  [
    '2.2: separators are shared between chains',
    `const key = \`\${domain.chainId}:\${domain.resolver}\``,
    'const key = domain.resolver',
  ],
  ['2.2: the prefix of ERC-191 is another', 'bytes.set([0x19, 0x01], 0)', 'bytes.set([0x19, 0x00], 0)'],
])

const response = mutantsOf('gateway/ens/response.ts', [
  ['row 0: nine signatures', 'const maxSignatures = 8', 'const maxSignatures = 9'],
  ['row 0: seven signatures', 'const maxSignatures = 8', 'const maxSignatures = 7'],
  ['row 0: a signature of 8,193 bytes', 'const maxSignatureBytes = 8192', 'const maxSignatureBytes = 8193'],
  ['row 0: a key of 130 bytes', 'const maxKeyBytes = 129', 'const maxKeyBytes = 130'],
  ['row 0: keys of any length', 'const maxKeyBytes = 129', 'const maxKeyBytes = 4096'],
  ['row 0: a path of 21 hashes', 'const maxPathHashes = 20', 'const maxPathHashes = 21'],
  ['row 0: 19 hashes at most', 'const maxPathHashes = 20', 'const maxPathHashes = 19'],
  ['row 0: 256 KiB', 'const maxResponseBytes = 128 * 1024', 'const maxResponseBytes = 256 * 1024'],
  ['row 0: bytes behind the end', '  takeEnd(cursor)\n', ''],
  ['row 0: fewer proofs than calls', 'if (proofs.length !== tagCalls)', 'if (proofs.length > tagCalls)'],
])

const words = mutantsOf('gateway/ens/word-cursor.ts', [
  [
    'row 0: too large integers are cut',
    "if (!whole.startsWith(zeros.slice(digits))) refuse('an integer",
    "if (digits === 0) refuse('an integer",
  ],
  [
    'row 0: filling of any bytes',
    "if (!zeros.startsWith(filling)) refuse('the filling",
    "if (filling === '') refuse('the filling",
  ],
  [
    'row 0: offsets that name any place',
    'if (tails.base + 2 * (tails.offsets[position] as number) !== cursor.at)',
    'if (tails.base < 0)',
  ],
])

const request = mutantsOf('gateway/ens/lookup.ts', [
  ['row 1: calls about other names', 'if (call.node !== digits) throw', 'if (call.node === undefined) throw'],
  [
    'row 1: only the first call is compared',
    'for (const call of lookup.calls) {',
    'for (const call of lookup.calls.slice(0, 1)) {',
  ],
  [
    'row 1: a repository of any name',
    'if (countTagCalls(lookup) > 0) checkRepositoryLabels(labels)',
    'if (countTagCalls(lookup) > 32) checkRepositoryLabels(labels)',
  ],
  [
    'row 1: every record wants a repository',
    'if (countTagCalls(lookup) > 0) checkRepositoryLabels',
    'if (countTagCalls(lookup) >= 0) checkRepositoryLabels',
  ],
  ['row 1: no final bracket', "if (key.endsWith(']') && isTag(tag)) return tag", 'if (isTag(tag)) return tag'],
  ['row 1: any tag', "if (key.endsWith(']') && isTag(tag)) return tag", "if (key.endsWith(']')) return tag"],
  ['4: 33 calls', 'const maxCalls = 32', 'const maxCalls = 33'],
  [
    '4: multicalls nest',
    "if (selector === selectors.multicall) refuse('a multicall",
    "if (selector === '') refuse('a multicall",
  ],
  ['4: data of oci-version is ours', "if (getter === 'text' && key === 'oci-version')", "if (key === 'oci-version')"],
])

const names = mutantsOf('gateway/ens/name.ts', [
  ['1: eleven labels', 'const maxLabels = 10', 'const maxLabels = 11'],
  ['1: nine labels at most', 'const maxLabels = 10', 'const maxLabels = 9'],
  ['1: one label', 'if (labels.length < 2) return', 'if (labels.length < 1) return'],
  ['1: labels of 64 bytes', 'const maxLabelBytes = 63', 'const maxLabelBytes = 64'],
  ['1: names of 254 bytes', 'const maxNameBytes = 253', 'const maxNameBytes = 254'],
  ['1: hyphens in third and fourth place', '/^(?!..--)[a-z0-9]+', '/^[a-z0-9]+'],
  ['1: upper case', '[a-z0-9]+(?:-+[a-z0-9]+)*$/', '[a-zA-Z0-9]+(?:-+[a-z0-9]+)*$/'],
  ['1: a dot inside a label', 'if (label.includes(0x2e) || label.includes(0))', 'if (label.includes(0))'],
  ['1: a NUL inside a label', 'if (label.includes(0x2e) || label.includes(0))', 'if (label.includes(0x2e))'],
  ['1: bytes behind the end', 'if (at + 1 !== wire.length)', 'if (at + 1 > wire.length)'],
])

const authority = mutantsOf('gateway/ens/authority.ts', [
  ['3: grace of 91 days', 'const graceSeconds = 90n', 'const graceSeconds = 91n'],
  [
    '3: lapsed in the last second of grace',
    'facts.blockTime > expiresAt + graceSeconds',
    'facts.blockTime >= expiresAt + graceSeconds',
  ],
  ['3: never registered is not lapsed', 'return expiresAt === null || facts', 'return expiresAt !== null && facts'],
  ['3: expiry of any top-level domain', " || topLevel !== 'eth' ||", ' ||'],
  [
    '3: a top-level domain has the authority',
    'suffixes.slice(0, -1).map((name) => ownerOf',
    'suffixes.map((name) => ownerOf',
  ],
  [
    '3: the highest owner',
    'const deepest = lapsed ? -1 : owners.findIndex(isSet)',
    'const deepest = lapsed ? -1 : owners.findLastIndex(isSet)',
  ],
  [
    '3: lapsed names keep their owner',
    'const deepest = lapsed ? -1 :',
    'const deepest = lapsed && owners.length === 0 ? -1 :',
  ],
  [
    '3: the wrapper owns what it wraps',
    'isSame(owner, facts.wrapper) ? facts.wrappedOwner(node) : owner',
    'isSame(owner, null) ? facts.wrappedOwner(node) : owner',
  ],
  ['3: the highest resolver', 'isSame(resolvers.find(isSet) ?? null', 'isSame(resolvers.findLast(isSet) ?? null'],
])

/** Of the TypeScript verifier. */
export const typescriptMutants: readonly Mutant[] = [
  ...[...verify, ...lookup, ...signature, ...merkle, ...entry, ...list],
  ...[...response, ...words, ...request, ...names, ...authority],
]
