// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, ListHeader, SignerSignature} from "./IMooringResolver.sol";
import {OwnerSettings} from "./OwnerSettings.sol";
import {AbiReader} from "./lib/AbiReader.sol";
import {DnsName} from "./lib/DnsName.sol";
import {SignatureRule} from "./lib/SignatureRule.sol";
import {SignedStruct} from "./lib/SignedStruct.sol";

/// @notice Rows 2 to 7 of the check order: is this list the one that the name's owner lets count?
/// Signatures are read where they lie, as the ABI encoding of `(address signer, bytes signature)[]`.
abstract contract ListChecks is OwnerSettings {
    uint256 private constant MAX_SIGNATURES = 8;
    uint256 private constant CLOCK_SKEW_SECONDS = 300;
    uint256 private constant MAX_LIFETIME_SECONDS = 400 days;
    bytes32 private constant NO_DELEGATIONS = keccak256("");

    /// @inheritdoc IMooringResolver
    function checkpoint(bytes calldata name, ListHeader calldata list, SignerSignature[] calldata) external {
        bytes calldata signatures = AbiReader.tail(msg.data[4:], 10);
        _limitSignatures(signatures);
        bytes32[] memory nodes = DnsName.nodesOf(name);
        require(DnsName.isRepository(name), InvalidName());
        Subject memory subject = _subjectOf(name, nodes);
        _checkLive(subject);
        _checkList(name, subject, list, signatures);
        _raise(_floors[subject.owner][subject.node][list.epoch], subject, list.epoch, list.version);
    }

    /// @dev Row 0 for signatures.
    function _limitSignatures(bytes calldata signatures) internal pure {
        uint256 count = AbiReader.number(signatures, 0);
        require(count <= MAX_SIGNATURES, BadResponse());
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata signature = AbiReader.blob(AbiReader.tail(signatures[32:], i), 1);
            require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());
        }
    }

    /// @dev Row 2.
    function _checkLive(Subject memory subject) internal pure {
        require(subject.reachable, UnreachableName());
        require(subject.owner != address(0), NoOwner());
    }

    /// @dev Rows 3 to 6. Returns the list hash.
    function _checkList(
        bytes calldata name,
        Subject memory subject,
        ListHeader memory list,
        bytes calldata signatures
    ) internal view returns (bytes32 listHash) {
        require(list.owner == subject.owner, OwnerMismatch());
        require(list.epoch == _epochs[subject.node], EpochMismatch());
        require(list.delegations == NO_DELEGATIONS, UnsupportedDelegations());
        listHash = _hashTypedDataV4(SignedStruct.hashList(DnsName.toText(name), subject.node, list));
        bool anchored = _checkVersion(subject, list, listHash);
        _checkLifetime(list);
        if (!anchored) _checkSignatures(subject, listHash, signatures);
    }

    /// @dev Row 7; `timestamp` is the tuple `(uint64 issuedAt, uint64 expiresAt, bytes signature)`.
    function _checkTimestamp(
        Subject memory subject,
        ListHeader memory list,
        bytes32 listHash,
        bytes calldata timestamp
    ) internal view {
        StoredPolicy storage policy = _policies[subject.owner][subject.authority];
        address timestamper = policy.timestamper;
        if (timestamper == address(0)) return;
        uint256 issuedAt = AbiReader.number(timestamp, 0);
        uint256 expiresAt = AbiReader.number(timestamp, 1);
        require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, BadTimestamp());
        bytes32 structHash = SignedStruct.hashTimestamp(subject.node, list, listHash, issuedAt, expiresAt);
        bool signed = SignatureRule.isValid(timestamper, _hashTypedDataV4(structHash), AbiReader.blob(timestamp, 2));
        require(signed && !_revoked[subject.owner][subject.authority][timestamper], BadTimestamp());
        bool fresh = block.timestamp <= issuedAt + policy.maxAge && expiresAt > block.timestamp;
        require(fresh, StaleTimestamp());
    }

    /// @dev Row 4. Whether the anchor stands for the signatures.
    function _checkVersion(Subject memory subject, ListHeader memory list, bytes32 listHash)
        private
        view
        returns (bool anchored)
    {
        Floor storage floor = _floors[subject.owner][subject.node][list.epoch];
        require(list.version > 0 && list.version < VERSION_LIMIT, Rollback());
        require(list.version >= floor.minVersion, Rollback());
        if (list.version != floor.anchorVersion) return false;
        require(listHash == floor.anchorHash, AnchorMismatch());
        return true;
    }

    /// @dev Row 5.
    function _checkLifetime(ListHeader memory list) private view {
        require(list.issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, IssuedInFuture());
        require(list.expiresAt > block.timestamp, Expired());
        require(list.issuedAt < list.expiresAt, LifetimeTooLong());
        require(list.expiresAt - list.issuedAt <= MAX_LIFETIME_SECONDS, LifetimeTooLong());
    }

    /// @dev Row 6. Signers and publishers both ascend, so one pass over each is enough.
    function _checkSignatures(Subject memory subject, bytes32 listHash, bytes calldata signatures) private view {
        StoredPolicy storage policy = _policies[subject.owner][subject.authority];
        uint256 count = AbiReader.number(signatures, 0);
        uint256 publishers = policy.publisherCount;
        uint256 position;
        address previous;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata signature = AbiReader.tail(signatures[32:], i);
            address signer = address(uint160(AbiReader.number(signature, 0)));
            require(signer > previous, SignersNotAscending());
            previous = signer;
            while (position < publishers && policy.publishers[position] < signer) ++position;
            address publisher = publishers == 0 ? subject.owner : policy.publishers[position % 8];
            require(signer == publisher && (publishers == 0 || position < publishers), NotPublisher());
            require(!_revoked[subject.owner][subject.authority][signer], Revoked());
            require(SignatureRule.isValid(signer, listHash, AbiReader.blob(signature, 1)), BadSignature());
        }
        require(count >= (publishers == 0 ? 1 : policy.threshold), ThresholdNotMet());
    }
}
