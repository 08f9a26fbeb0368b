import { type Mutant, mutantsOf } from './mutant.ts'

const lists = mutantsOf('resolver-contract/src/ListChecks.sol', [
  ['row 0: nine signatures', 'MAX_SIGNATURES = 8', 'MAX_SIGNATURES = 9'],
  ['row 0: seven signatures', 'MAX_SIGNATURES = 8', 'MAX_SIGNATURES = 7'],
  [
    'row 0: a signature of any length',
    'bytes calldata signature = AbiReader.blobAt(given, signatureAt);\n            require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());',
    'bytes calldata signature = AbiReader.blobAt(given, signatureAt);',
  ],
  [
    'row 0: a timestamp signature of any length',
    'bytes calldata signature = AbiReader.blobAt(timestamp, signatureAt);\n        require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());',
    'bytes calldata signature = AbiReader.blobAt(timestamp, signatureAt);',
  ],
  ['row 2: any resolver', 'require(subject.reachable, UnreachableName());', ''],
  [
    'row 2: NoOwner before UnreachableName',
    'require(subject.reachable, UnreachableName());\n        require(subject.owner != address(0), NoOwner());',
    'require(subject.owner != address(0), NoOwner());\n        require(subject.reachable, UnreachableName());',
  ],
  ['row 2: nobody is an owner', 'require(subject.owner != address(0), NoOwner());', ''],
  ['row 3: any owner', 'require(list.owner == uint160(subject.owner), OwnerMismatch());', ''],
  ['row 3: any epoch', 'require(list.epoch == state.epoch, EpochMismatch());', ''],
  ['row 3: earlier epochs', 'list.epoch == state.epoch', 'list.epoch <= state.epoch'],
  ['row 3: later epochs', 'list.epoch == state.epoch', 'list.epoch >= state.epoch'],
  [
    'row 3: the epoch of the authority',
    'NodeState memory state = _nodes[subject.node];',
    'NodeState memory state = _nodes[subject.authority];',
  ],
  ['row 3: any delegations', 'require(list.delegations == NO_DELEGATIONS, UnsupportedDelegations());', ''],
  ['row 4: version 0', 'list.version > 0 && list.version < VERSION_LIMIT', 'list.version < VERSION_LIMIT'],
  [
    'row 4: a version of 54 bits',
    'list.version > 0 && list.version < VERSION_LIMIT',
    'list.version > 0 && list.version <= VERSION_LIMIT',
  ],
  ['row 4: no greatest version', 'list.version > 0 && list.version < VERSION_LIMIT', 'list.version > 0'],
  ['row 4: no floor', 'require(list.version >= floor.minVersion, Rollback());', ''],
  ['row 4: the floor itself', 'list.version >= floor.minVersion', 'list.version > floor.minVersion'],
  [
    'row 4: any list at the anchored version',
    'require(!anchored || listHash == floor.anchorHash, AnchorMismatch());',
    '',
  ],
  [
    'row 4: an anchor at another version',
    'anchored = list.version == floor.anchorVersion;',
    'anchored = floor.anchorVersion != 0;',
  ],
  [
    'row 4: later versions than the anchored are anchored',
    'anchored = list.version == floor.anchorVersion;',
    'anchored = list.version >= floor.anchorVersion;',
  ],
  [
    'row 4: the floor of the authority',
    '_floors[subject.owner][subject.node][uint64(list.epoch)]',
    '_floors[subject.owner][subject.authority][uint64(list.epoch)]',
  ],
  [
    'row 4: the floor of the first epoch',
    '_floors[subject.owner][subject.node][uint64(list.epoch)]',
    '_floors[subject.owner][subject.node][0]',
  ],
  [
    'row 4: an anchor stands for no signature',
    'bool anchored = state.hasFloor && _checkFloor(subject, list, listHash);',
    'bool anchored = state.hasFloor && _checkFloor(subject, list, listHash) && false;',
  ],
  [
    'row 4: the floor is not asked',
    'bool anchored = state.hasFloor && _checkFloor(subject, list, listHash);',
    'bool anchored = false;',
  ],
  ['row 5: skew of 301 seconds', 'CLOCK_SKEW_SECONDS = 300', 'CLOCK_SKEW_SECONDS = 301'],
  ['row 5: skew of 299 seconds', 'CLOCK_SKEW_SECONDS = 300', 'CLOCK_SKEW_SECONDS = 299'],
  ['row 5: issued whenever', 'require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, IssuedInFuture());', ''],
  [
    'row 5: valid in the second it expires',
    'require(expiresAt > block.timestamp, Expired());',
    'require(expiresAt >= block.timestamp, Expired());',
  ],
  ['row 5: never expires', 'require(expiresAt > block.timestamp, Expired());', ''],
  ['row 5: 401 days', 'MAX_LIFETIME_SECONDS = 400 days', 'MAX_LIFETIME_SECONDS = 401 days'],
  [
    'row 5: exactly 400 days are refused',
    'expiresAt <= issuedAt + MAX_LIFETIME_SECONDS',
    'expiresAt < issuedAt + MAX_LIFETIME_SECONDS',
  ],
  ['row 5: may end before it begins', 'issuedAt < expiresAt && expiresAt <= issuedAt', 'expiresAt <= issuedAt'],
  ['row 5: may end when it begins', 'issuedAt < expiresAt && expiresAt', 'issuedAt <= expiresAt && expiresAt'],
  [
    'row 5 after row 6',
    '_checkLifetime(list);\n        _checkSignatures(subject, policy, listHash, signatures, anchored);',
    '_checkSignatures(subject, policy, listHash, signatures, anchored);\n        _checkLifetime(list);',
  ],
  [
    'row 6: a signer twice',
    'require(signer > previous, SignersNotAscending());',
    'require(signer >= previous, SignersNotAscending());',
  ],
  ['row 6: any order', 'require(signer > previous, SignersNotAscending());', ''],
  ['row 6: the signer before is forgotten', 'previous = signer;', ''],
  ['row 6: revoked keys sign', 'require(!_isRevoked(policy, subject, signer), Revoked());', ''],
  ['row 6: any signature', 'require(SignatureRule.isValid(signer, listHash, signature), BadSignature());', ''],
  [
    'row 6: revoked after the signature',
    'require(!_isRevoked(policy, subject, signer), Revoked());\n            require(SignatureRule.isValid(signer, listHash, signature), BadSignature());',
    'require(SignatureRule.isValid(signer, listHash, signature), BadSignature());\n            require(!_isRevoked(policy, subject, signer), Revoked());',
  ],
  [
    'row 6: no threshold',
    'require(anchored || count >= (policy.publisherCount == 0 ? 1 : policy.threshold), ThresholdNotMet());',
    '',
  ],
  ['row 6: more than the threshold', 'anchored || count >= (policy', 'anchored || count > (policy'],
  ['row 6: one signature is enough', '(policy.publisherCount == 0 ? 1 : policy.threshold)', '1'],
  ['row 6: without a policy no signature', '(policy.publisherCount == 0 ? 1 : policy.threshold)', 'policy.threshold'],
  ['row 6: anybody without a policy', 'require(signer == subject.owner, NotPublisher());', ''],
  [
    'row 6: publishers past their count',
    'for (; position < publishers; ++position) {',
    'for (; position < 8; ++position) {',
  ],
  [
    'row 6: a publisher between two',
    'if (publisher == signer) return position;',
    'if (publisher >= signer) return position;',
  ],
  ['row 6: only the first publisher', 'if (publisher > signer) break;', 'break;'],
  [
    'row 6: publishers of the name itself',
    'stored = _publishers[subject.owner][subject.authority];',
    'stored = _publishers[subject.owner][subject.node];',
  ],
  [
    'row 6: revocations of the name itself',
    'policy.hasRevocations && _revoked[subject.owner][subject.authority][key]',
    'policy.hasRevocations && _revoked[subject.owner][subject.node][key]',
  ],
  ['row 7: issued in the future', 'require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, BadTimestamp());', ''],
  ['row 7: any signature', 'require(signed && !_isRevoked', 'require(!_isRevoked'],
  [
    'row 7: a revoked timestamper',
    'require(signed && !_isRevoked(policy, subject, timestamper), BadTimestamp());',
    'require(signed, BadTimestamp());',
  ],
  ['row 7: wanted where nobody asked', 'if (timestamper == address(0)) return;', ''],
  ['row 7: never wanted', 'if (timestamper == address(0)) return;', 'if (timestamper != address(1)) return;'],
  ['row 7: of any age', 'block.timestamp <= issuedAt + policy.maxAge && expiresAt', 'expiresAt'],
  [
    'row 7: stale in its last second',
    'block.timestamp <= issuedAt + policy.maxAge',
    'block.timestamp < issuedAt + policy.maxAge',
  ],
  ['row 7: its expiry does not count', ' && expiresAt > block.timestamp, StaleTimestamp()', ', StaleTimestamp()'],
  [
    'row 7: valid in the second it expires',
    'expiresAt > block.timestamp, StaleTimestamp()',
    'expiresAt >= block.timestamp, StaleTimestamp()',
  ],
  ['row 7: not checked', '_checkTimestamp(subject, policy, list, listHash, timestamp);', ''],
  ['3: a checkpoint of any name', 'asked.tags = 1;', ''],
  ['3: a checkpoint raises nothing', '_raise(subject, uint64(list.epoch), uint64(list.version));', ''],
])

const resolver = mutantsOf('resolver-contract/src/MooringResolver.sol', [
  ['row 0: any length', 'require(response.length <= MAX_RESPONSE_BYTES, BadResponse());', ''],
  ['row 0: any number of proofs', 'require(AbiReader.number(proofs, 0) == asked.tags, BadResponse());', ''],
  [
    'row 0: more proofs than calls',
    'AbiReader.number(proofs, 0) == asked.tags',
    'AbiReader.number(proofs, 0) >= asked.tags',
  ],
  ['4: any call comes back', 'require(bytes4(callData) == this.resolve.selector, BadResponse());', ''],
  ['8: one proof for all calls', 'AbiReader.element(proofs, next++)', 'AbiReader.element(proofs, next)'],
  ['8: a tombstone is present', 'if (!present) return abi.encode("");', ''],
  ['4: data is answered as text', 'if (!asData) return abi.encode(text);', 'return abi.encode(text);'],
  ['4: records before the name is live', 'if (asked.hasOciRecord) _checkLive(subject);', ''],
  [
    '4: a fallback may ask a gateway',
    'if (bytes4(answer) == OffchainLookup.selector) {',
    'if (bytes4(answer) == bytes4(0)) {',
  ],
  ['4: 900 bytes by POST', 'MAX_GET_BYTES = 900', 'MAX_GET_BYTES = 899'],
  ['4: 932 bytes by GET', 'MAX_GET_BYTES = 900', 'MAX_GET_BYTES = 932'],
])

const trees = mutantsOf('resolver-contract/src/lib/TagTree.sol', [
  ['row 0: a key of 130 bytes', 'MAX_KEY_BYTES = 129', 'MAX_KEY_BYTES = 130'],
  [
    'row 0: keys are cut to one byte of length',
    'require(key.length <= MAX_KEY_BYTES && nextKey.length <= MAX_KEY_BYTES, IMooringResolver.BadResponse());',
    '',
  ],
  ['row 0: a path of 21 hashes', 'MAX_PATH_HASHES = 20', 'MAX_PATH_HASHES = 21'],
  ['row 0: 19 hashes at most', 'MAX_PATH_HASHES = 20', 'MAX_PATH_HASHES = 19'],
  ['row 8: a path of any length', 'require(_fits(count, depth), IMooringResolver.BadProof());', ''],
  [
    'row 8: half a tree',
    'count <= 1 << depth && count > (1 << depth) >> 1',
    'count <= 1 << depth && count >= (1 << depth) >> 1',
  ],
  ['row 8: a tree too small for its count', 'count <= 1 << depth && count >', 'count >'],
  ['row 8: any root', 'path[32:32 + 32 * depth]) == root', 'path[32:32 + 32 * depth]) != 0'],
  [
    'row 8: absence by any smaller key',
    'bool spans = order < 0 && (nextKey.length == 0 || compareWithTag(nextKey, tag) > 0);',
    'bool spans = order < 0;',
  ],
  ['row 8: absence by any greater next key', 'bool spans = order < 0 && (nextKey', 'bool spans = (nextKey'],
  ['row 8: the next key itself is absent', 'compareWithTag(nextKey, tag) > 0', 'compareWithTag(nextKey, tag) >= 0'],
  ['row 8: nothing is after the greatest key', '(nextKey.length == 0 || compareWithTag', '(compareWithTag'],
  ['2.1: leaves hashed once', 'return keccak256(abi.encode(inner));', 'return inner;'],
  ['2.1: next key without its length', 'key, uint8(nextKey.length), nextKey, value', 'key, nextKey, value'],
  ['2.1: kinds above are below', 'return kind < KIND_TAG ? -1 : int256(1);', 'return -1;'],
  ['2.1: only the first words are compared', 'if (a.length <= 32 || b.length <= 32) break;', 'break;'],
  [
    '2.1: a prefix sorts last',
    'return a.length < b.length ? -1 : int256(1);',
    'return a.length > b.length ? -1 : int256(1);',
  ],
  ['2.1: a prefix is the same key', 'if (a.length == b.length) return 0;', 'if (a.length <= b.length) return 0;'],
])

const entries = mutantsOf('resolver-contract/src/lib/TagEntry.sol', [
  ['2.1: size 0', 'size > 0 && size <= MAX_MANIFEST_BYTES', 'size <= MAX_MANIFEST_BYTES'],
  ['2.1: size over 4 MiB', 'MAX_MANIFEST_BYTES = 4_194_304', 'MAX_MANIFEST_BYTES = 4_194_305'],
  ['2.1: updatedVersion 0', 'updatedVersion > 0 && updatedVersion <= version', 'updatedVersion <= version'],
  ['2.1: updatedVersion after the list', 'updatedVersion > 0 && updatedVersion <= version', 'updatedVersion > 0'],
  [
    '2.1: any flags',
    'require(flags <= FLAG_IMMUTABLE || flags == FLAG_IMMUTABLE | FLAG_TOMBSTONE, IMooringResolver.InvalidEntry());',
    '',
  ],
  ['2.1: a tombstone alone', 'flags <= FLAG_IMMUTABLE || flags', 'flags <= FLAG_TOMBSTONE || flags'],
  ['2.1: an empty media type', 'value.length > mediaTypeAt && value', 'value.length >= mediaTypeAt && value'],
  ['2.1: a media type of 256 bytes', 'MAX_MEDIA_TYPE_BYTES = 255', 'MAX_MEDIA_TYPE_BYTES = 256'],
  ['2.1: any byte in a media type', 'require(Ascii.isPrintable(mediaType), IMooringResolver.InvalidEntry());', ''],
  ['2.1: an unknown algorithm is sha512', 'require(algorithm == SHA512, IMooringResolver.InvalidEntry());', ''],
  ['2.1: the reference one byte on', 'bytes32(value[17:49])', 'bytes32(value[18:50])'],
])

const characters = mutantsOf('resolver-contract/src/lib/Ascii.sol', [
  ['2.1: a space in a media type', 'word + ONES * 0x5f', 'word + ONES * 0x60'],
  ['2.1: an exclamation mark is refused', 'word + ONES * 0x5f', 'word + ONES * 0x5e'],
  ['2.1: DEL in a media type', ' & ~(word + ONES)', ''],
  ['2.1: only the first word of a media type', 'if (text.length <= 32) return true;', 'return true;'],
  ['1: only the first word of a label', 'if (text.length <= 32) return held == 1;', 'return held == 1;'],
])

const names = mutantsOf('resolver-contract/src/lib/DnsName.sol', [
  ['1: eleven labels', 'MAX_REPOSITORY_LABELS = 10', 'MAX_REPOSITORY_LABELS = 11'],
  ['1: one label', 'count >= 2 && count', 'count >= 1 && count'],
  ['1: labels of 64 bytes', 'MAX_LABEL_BYTES = 63', 'MAX_LABEL_BYTES = 64'],
  ['1: 256 bytes', 'MAX_ENCODED_BYTES = 255', 'MAX_ENCODED_BYTES = 256'],
  ['1: dots inside labels', '~uint256((1 << 0x2e) | 1)', '~uint256(1)'],
  ['1: NUL inside labels', '~uint256((1 << 0x2e) | 1)', '~uint256(1 << 0x2e)'],
  ['1: bytes behind the end', 'require(start + 1 == name.length, IMooringResolver.InvalidName());', ''],
  ['1: a hyphen in front', 'if (front >> 248 == 0x2d) return false;', ''],
  ['1: hyphens in third and fourth place', 'if ((front >> 224) & 0xffff == 0x2d2d) return false;', ''],
  ['1: a hyphen at the end', 'if (label[label.length - 1] == "-") return false;', ''],
  ['1: an underscore in a label', '0x7fffffe0000000003ff200000000000', '0x7fffffe8000000003ff200000000000'],
])

const lookups = mutantsOf('resolver-contract/src/lib/Lookup.sol', [
  ['4: 33 calls', 'MAX_CALLS = 32', 'MAX_CALLS = 33'],
  ['1: a tag of 129 characters', 'MAX_TAG_BYTES = 128', 'MAX_TAG_BYTES = 129'],
  ['1: an empty tag', 'tag.length == 0 || tag', 'tag'],
  ['1: a tag that begins with a dot', 'first != "." && ', ''],
  ['1: a tag that begins with a hyphen', ' && first != "-"', ''],
  ['row 1: calls about other names', 'else if (node != summary.node) summary.hasManyNodes = true;', ''],
  ['row 1: short calls', 'summary.hasManyNodes = true;\n            return tag;', 'return tag;'],
  ['row 1: no final bracket', 'return key[last] == "]" ? key[8:last] : key[0:0];', 'return key[8:last];'],
  ['4: multicalls nest', 'require(getter != MULTICALL, IMooringResolver.BadResponse());', ''],
  ['4: data of oci-version is ours', 'if (getter == TEXT) record = _namedRecord(key);', 'record = _namedRecord(key);'],
  ['row 1: any tag', 'if (!isTag(tag)) summary.hasBadTag = true;', ''],
])

const signatures = mutantsOf('resolver-contract/src/lib/SignatureRule.sol', [
  ['2.3: nobody may sign', 'if (signer == address(0)) return false;', ''],
  ['2.3: any key', 'if (recovered == signer) return true;', 'if (recovered != address(0)) return true;'],
  [
    '2.3: code is asked and the key is not',
    'if (recovered == signer) return true;',
    'if (recovered == signer && signer.code.length == 0) return true;',
  ],
  ['2.3: contracts do not sign', 'return signer.code.length > 0 && ', 'return signer.code.length == 0 && '],
  ['2.3: 8,193 bytes', 'MAX_SIGNATURE_BYTES = 8192', 'MAX_SIGNATURE_BYTES = 8193'],
])

const structs = mutantsOf('resolver-contract/src/lib/SignedStruct.sol', [
  ['2.2: a list of any name', 'TAG_LIST, keccak256(name), node', 'TAG_LIST, keccak256(""), node'],
  ['2.2: a timestamp of any list', 'list.version, listHash, issuedAt', 'list.version, node, issuedAt'],
  ['2.2: a timestamp of any epoch', 'node, list.epoch, list.version', 'node, uint256(0), list.version'],
  [
    '2.2: a revocation for any owner',
    'abi.encode(REVOCATION, node, owner, key)',
    'abi.encode(REVOCATION, node, key, key)',
  ],
])

const domain = mutantsOf('resolver-contract/src/SigningDomain.sol', [
  ['2.2: any chain', 'keccak256("1"), block.chainid, address(this)', 'keccak256("1"), uint256(31337), address(this)'],
  ['2.2: any resolver', 'keccak256("1"), block.chainid, address(this)', 'keccak256("1"), block.chainid, address(0)'],
])

const settings = mutantsOf('resolver-contract/src/OwnerSettings.sol', [
  [
    'row 1: NodeMismatch after InvalidTag',
    'require(asked.calls == 0 || (!asked.hasManyNodes && asked.node == subject.node), NodeMismatch());\n        require(!asked.hasBadTag, InvalidTag());',
    'require(!asked.hasBadTag, InvalidTag());\n        require(asked.calls == 0 || (!asked.hasManyNodes && asked.node == subject.node), NodeMismatch());',
  ],
  ['row 1: another node', '(!asked.hasManyNodes && asked.node == subject.node)', '!asked.hasManyNodes'],
  ['row 1: many nodes', '(!asked.hasManyNodes && asked.node == subject.node)', '(asked.node == subject.node)'],
  ['row 1: any repository', 'DnsName.nodesOf(name, asked.tags > 0)', 'DnsName.nodesOf(name, false)'],
  ['row 1: every record wants a repository', 'DnsName.nodesOf(name, asked.tags > 0)', 'DnsName.nodesOf(name, true)'],
  [
    '3: anybody sets',
    'msg.sender == subject.owner || ownership.isOperator(subject.authority, subject.owner, msg.sender)',
    'msg.sender != address(0)',
  ],
  [
    '3: operators do not set',
    'msg.sender == subject.owner || ownership.isOperator(subject.authority, subject.owner, msg.sender)',
    'msg.sender == subject.owner',
  ],
  ['3: a policy forgets revocations', 'hasRevocations: stored.hasRevocations', 'hasRevocations: false'],
  ['3: the floor falls', 'if (version <= floor.minVersion) return;', ''],
  ['3: an anchor raises no floor', '_raise(subject, epoch, version);', ''],
  ['3: clearing an anchor keeps its version', 'version = 0;', ''],
  [
    '3: anybody revokes for a key',
    'require(SignatureRule.isValid(key, _signingHash(structHash), signature), BadSignature());',
    '',
  ],
  ['3: we are our own fallback', 'require(resolver != address(this), InvalidFallback());', ''],
  ['3: reset changes nothing', '++_nodes[subject.node].epoch', '_nodes[subject.node].epoch'],
  ['3: the epoch of the authority is reset', '++_nodes[subject.node].epoch', '++_nodes[subject.authority].epoch'],
  ['3: any policy', 'require(SettingRules.isPolicy(policy), InvalidPolicy());', ''],
  ['3: nobody is told that a policy is there', '_nodes[subject.authority].hasPolicy = true;\n        emit', 'emit'],
  ['3: nobody is told that a key is revoked', '_policies[subject.owner][subject.authority].hasRevocations = true;', ''],
  [
    '3: a version of 54 bits is anchored',
    'require(version > 0 && version < VERSION_LIMIT, InvalidAnchor());',
    'require(version > 0, InvalidAnchor());',
  ],
])

const rules = mutantsOf('resolver-contract/src/lib/SettingRules.sol', [
  ['3: seven publishers at most', 'MAX_PUBLISHERS = 8', 'MAX_PUBLISHERS = 7'],
  ['3: threshold 0', 'policy.threshold == 0 || ', ''],
  ['3: a threshold above the count', ' || policy.threshold > count', ''],
  ['3: a publisher twice', 'policy.publishers[i] <= previous', 'policy.publishers[i] < previous'],
  ['3: an age without a timestamper', 'if (!timestamped) return policy.maxAge == 0;', 'if (!timestamped) return true;'],
  ['3: an age below an hour', 'MIN_MAX_AGE_SECONDS = 1 hours', 'MIN_MAX_AGE_SECONDS = 1 minutes'],
  ['3: an age above seven days', 'MAX_MAX_AGE_SECONDS = 7 days', 'MAX_MAX_AGE_SECONDS = 8 days'],
])

const ownership = mutantsOf('resolver-contract/src/EnsOwnership.sol', [
  ['3: grace of 91 days', 'GRACE_SECONDS = 90 days', 'GRACE_SECONDS = 91 days'],
  [
    '3: lapsed in the last second of grace',
    'block.timestamp - expiresAt > GRACE_SECONDS',
    'block.timestamp - expiresAt >= GRACE_SECONDS',
  ],
  [
    '3: lapsed names keep their owner',
    'if (owner == address(0) || _isLapsed(name, nodes)) return',
    'if (owner == address(0)) return',
  ],
  [
    '3: a top-level domain has the authority',
    'for (uint256 i = 0; i < last; ++i) {',
    'for (uint256 i = 0; i <= last; ++i) {',
  ],
  ['3: the highest resolver', 'if (resolver != address(0)) break;', 'if (resolver == address(1)) break;'],
  ['3: the highest owner', 'if (owner != address(0)) break;', 'if (owner == address(1)) break;'],
  [
    '3: the wrapper owns what it wraps',
    'if (owner != address(0) && owner == nameWrapper) owner',
    'if (owner == address(1)) owner',
  ],
  [
    '3: expiry of the deepest label',
    'for (uint256 i = nodes.length; i > 2; --i) {',
    'for (uint256 i = nodes.length; i > 64; --i) {',
  ],
  ['3: expiry under any top-level domain', ' || nodes[nodes.length - 1] != ETH_NODE', ''],
])

/** Of the resolver contract and its libraries. */
export const solidityMutants: readonly Mutant[] = [
  ...[...lists, ...resolver, ...trees, ...entries, ...characters, ...names, ...lookups],
  ...[...signatures, ...structs, ...domain, ...settings, ...rules, ...ownership],
]
