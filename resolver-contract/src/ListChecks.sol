// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, ListHeader, SignerSignature} from "./IMooringResolver.sol";
import {OwnerSettings} from "./OwnerSettings.sol";
import {AbiReader} from "./lib/AbiReader.sol";
import {DnsName} from "./lib/DnsName.sol";
import {Lookup} from "./lib/Lookup.sol";
import {SignatureRule} from "./lib/SignatureRule.sol";
import {ListWords, SignedStruct} from "./lib/SignedStruct.sol";

/// @notice Rows 2 to 7 of the check order: is this list the one that the name's owner lets count?
abstract contract ListChecks is OwnerSettings {
    uint256 private constant MAX_SIGNATURES = 8;
    uint256 private constant CLOCK_SKEW_SECONDS = 300;
    uint256 private constant MAX_LIFETIME_SECONDS = 400 days;
    bytes32 private constant NO_DELEGATIONS = keccak256("");

    /// @inheritdoc IMooringResolver
    /// @dev The name must be a repository's, as if a tag were asked for. List and signatures are read in place, as in a response.
    function checkpoint(bytes calldata name, ListHeader calldata, SignerSignature[] calldata) external {
        bytes calldata arguments = msg.data[4:];
        (, ListWords memory list, uint256 signaturesAt) = abi.decode(arguments, (uint256, ListWords, uint256));
        Lookup.Summary memory asked;
        asked.tags = 1;
        Subject memory subject = _subjectOf(name, asked);
        _checkList(name, subject, _policyOf(subject), list, arguments[signaturesAt:]);
        _raise(subject, uint64(list.epoch), uint64(list.version));
    }

    /// @dev Rows 2 to 7.
    function _checkCurrent(
        bytes calldata name,
        Subject memory subject,
        ListWords memory list,
        bytes calldata signatures,
        bytes calldata timestamp
    ) internal view {
        StoredPolicy memory policy = _policyOf(subject);
        bytes32 listHash = _checkList(name, subject, policy, list, signatures);
        _checkTimestamp(subject, policy, list, listHash, timestamp);
    }

    /// @dev Row 2.
    function _checkLive(Subject memory subject) internal pure {
        require(subject.reachable, UnreachableName());
        require(subject.owner != address(0), NoOwner());
    }

    /// @dev Row 2, and the policy of the name that holds it.
    function _policyOf(Subject memory subject) private view returns (StoredPolicy memory policy) {
        _checkLive(subject);
        if (_nodes[subject.authority].hasPolicy) policy = _policies[subject.owner][subject.authority];
    }

    /// @dev Rows 3 to 6. Returns the list hash.
    function _checkList(
        bytes calldata name,
        Subject memory subject,
        StoredPolicy memory policy,
        ListWords memory list,
        bytes calldata signatures
    ) private view returns (bytes32 listHash) {
        require(list.owner == uint160(subject.owner), OwnerMismatch());
        NodeState memory state = _nodes[subject.node];
        require(list.epoch == state.epoch, EpochMismatch());
        require(list.delegations == NO_DELEGATIONS, UnsupportedDelegations());
        listHash = _signingHash(SignedStruct.hashList(DnsName.toText(name), subject.node, list));
        require(list.version > 0 && list.version < VERSION_LIMIT, Rollback());
        bool anchored = state.hasFloor && _checkFloor(subject, list, listHash);
        _checkLifetime(list);
        _checkSignatures(subject, policy, listHash, signatures, anchored);
    }

    /// @dev Row 7, and row 0 for the timestamp.
    function _checkTimestamp(
        Subject memory subject,
        StoredPolicy memory policy,
        ListWords memory list,
        bytes32 listHash,
        bytes calldata timestamp
    ) private view {
        (uint256 issuedAt, uint256 expiresAt, uint256 signatureAt) = abi.decode(timestamp, (uint256, uint256, uint256));
        bytes calldata signature = AbiReader.blobAt(timestamp, signatureAt);
        require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());
        address timestamper = policy.timestamper;
        if (timestamper == address(0)) return;
        require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, BadTimestamp());
        bytes32 structHash = SignedStruct.hashTimestamp(subject.node, list, listHash, issuedAt, expiresAt);
        bool signed = SignatureRule.isValid(timestamper, _signingHash(structHash), signature);
        require(signed && !_isRevoked(policy, subject, timestamper), BadTimestamp());
        require(block.timestamp <= issuedAt + policy.maxAge && expiresAt > block.timestamp, StaleTimestamp());
    }

    /// @dev Row 4. Whether the anchor stands for the signatures.
    function _checkFloor(Subject memory subject, ListWords memory list, bytes32 listHash)
        private
        view
        returns (bool anchored)
    {
        Floor storage floor = _floors[subject.owner][subject.node][uint64(list.epoch)];
        require(list.version >= floor.minVersion, Rollback());
        anchored = list.version == floor.anchorVersion;
        require(!anchored || listHash == floor.anchorHash, AnchorMismatch());
    }

    /// @dev Row 5.
    function _checkLifetime(ListWords memory list) private view {
        (uint256 issuedAt, uint256 expiresAt) = (list.issuedAt, list.expiresAt);
        require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, IssuedInFuture());
        require(expiresAt > block.timestamp, Expired());
        require(issuedAt < expiresAt && expiresAt <= issuedAt + MAX_LIFETIME_SECONDS, LifetimeTooLong());
    }

    /// @dev Row 6 unless anchored, and row 0 for signatures. Signers and publishers both ascend, so one pass over each is enough.
    function _checkSignatures(
        Subject memory subject,
        StoredPolicy memory policy,
        bytes32 listHash,
        bytes calldata signatures,
        bool anchored
    ) private view {
        uint256 count = AbiReader.number(signatures, 0);
        require(count <= MAX_SIGNATURES, BadResponse());
        uint256 position;
        address previous;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata given = AbiReader.element(signatures, i);
            (address signer, uint256 signatureAt) = abi.decode(given, (address, uint256));
            bytes calldata signature = AbiReader.blobAt(given, signatureAt);
            require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());
            if (anchored) continue;
            require(signer > previous, SignersNotAscending());
            previous = signer;
            position = _seekPublisher(policy.publisherCount, subject, signer, position);
            require(!_isRevoked(policy, subject, signer), Revoked());
            require(SignatureRule.isValid(signer, listHash, signature), BadSignature());
        }
        require(anchored || count >= (policy.publisherCount == 0 ? 1 : policy.threshold), ThresholdNotMet());
    }

    /// @dev The publishers' position of a signer, from where the search for the last one ended.
    function _seekPublisher(uint256 publishers, Subject memory subject, address signer, uint256 position)
        private
        view
        returns (uint256)
    {
        if (publishers == 0) {
            require(signer == subject.owner, NotPublisher());
            return 0;
        }
        address[8] storage stored = _publishers[subject.owner][subject.authority];
        for (; position < publishers; ++position) {
            address publisher = stored[position];
            if (publisher == signer) return position;
            if (publisher > signer) break;
        }
        revert NotPublisher();
    }

    /// @dev Most owners never revoke anything: their policy says so without another slot.
    function _isRevoked(StoredPolicy memory policy, Subject memory subject, address key) private view returns (bool) {
        return policy.hasRevocations && _revoked[subject.owner][subject.authority][key];
    }
}
