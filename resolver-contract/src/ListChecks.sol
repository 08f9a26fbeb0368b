// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, ListHeader, SignerSignature, Timestamp} from "./IMooringResolver.sol";
import {OwnerSettings} from "./OwnerSettings.sol";
import {DnsName} from "./lib/DnsName.sol";
import {Lookup} from "./lib/Lookup.sol";
import {SignatureRule} from "./lib/SignatureRule.sol";
import {SignedStruct} from "./lib/SignedStruct.sol";

/// @notice Rows 2 to 7 of the check order: is this list the one that the name's owner lets count?
abstract contract ListChecks is OwnerSettings {
    uint256 private constant MAX_SIGNATURES = 8;
    uint256 private constant CLOCK_SKEW_SECONDS = 300;
    uint256 private constant MAX_LIFETIME_SECONDS = 400 days;
    bytes32 private constant NO_DELEGATIONS = keccak256("");

    /// @inheritdoc IMooringResolver
    /// @dev The name must be a repository's, as if a tag were asked for.
    function checkpoint(bytes calldata name, ListHeader calldata list, SignerSignature[] calldata signatures) external {
        _limitSignatures(signatures);
        Lookup.Summary memory asked;
        asked.tags = 1;
        Subject memory subject = _subjectOf(name, asked);
        StoredPolicy memory policy = _policyOf(subject);
        _checkList(name, subject, policy, list, signatures);
        _raise(subject, list.epoch, list.version);
    }

    /// @dev Row 0 for signatures.
    function _limitSignatures(SignerSignature[] calldata signatures) internal pure {
        require(signatures.length <= MAX_SIGNATURES, BadResponse());
        for (uint256 i = 0; i < signatures.length; ++i) {
            require(signatures[i].signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadResponse());
        }
    }

    /// @dev Row 2.
    function _checkLive(Subject memory subject) internal pure {
        require(subject.reachable, UnreachableName());
        require(subject.owner != address(0), NoOwner());
    }

    /// @dev Row 2, and the policy of the name that holds it.
    function _policyOf(Subject memory subject) internal view returns (StoredPolicy memory) {
        _checkLive(subject);
        return _policies[subject.owner][subject.authority];
    }

    /// @dev Rows 3 to 6. Returns the list hash.
    function _checkList(
        bytes calldata name,
        Subject memory subject,
        StoredPolicy memory policy,
        ListHeader memory list,
        SignerSignature[] calldata signatures
    ) internal view returns (bytes32 listHash) {
        require(list.owner == subject.owner, OwnerMismatch());
        NodeState memory state = _nodes[subject.node];
        require(list.epoch == state.epoch, EpochMismatch());
        require(list.delegations == NO_DELEGATIONS, UnsupportedDelegations());
        listHash = _signingHash(SignedStruct.hashList(DnsName.toText(name), subject.node, list));
        require(list.version > 0 && list.version < VERSION_LIMIT, Rollback());
        bool anchored = state.hasFloor && _checkFloor(subject, list, listHash);
        _checkLifetime(list);
        if (!anchored) _checkSignatures(subject, policy, listHash, signatures);
    }

    /// @dev Row 7.
    function _checkTimestamp(
        Subject memory subject,
        StoredPolicy memory policy,
        ListHeader memory list,
        bytes32 listHash,
        Timestamp calldata timestamp
    ) internal view {
        address timestamper = policy.timestamper;
        if (timestamper == address(0)) return;
        (uint256 issuedAt, uint256 expiresAt) = (timestamp.issuedAt, timestamp.expiresAt);
        require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, BadTimestamp());
        bytes32 structHash = SignedStruct.hashTimestamp(subject.node, list, listHash, issuedAt, expiresAt);
        bool signed = SignatureRule.isValid(timestamper, _signingHash(structHash), timestamp.signature);
        require(signed && !_isRevoked(policy, subject, timestamper), BadTimestamp());
        require(block.timestamp <= issuedAt + policy.maxAge && expiresAt > block.timestamp, StaleTimestamp());
    }

    /// @dev Row 4. Whether the anchor stands for the signatures.
    function _checkFloor(Subject memory subject, ListHeader memory list, bytes32 listHash)
        private
        view
        returns (bool anchored)
    {
        Floor storage floor = _floors[subject.owner][subject.node][list.epoch];
        require(list.version >= floor.minVersion, Rollback());
        anchored = list.version == floor.anchorVersion;
        require(!anchored || listHash == floor.anchorHash, AnchorMismatch());
    }

    /// @dev Row 5.
    function _checkLifetime(ListHeader memory list) private view {
        (uint256 issuedAt, uint256 expiresAt) = (list.issuedAt, list.expiresAt);
        require(issuedAt <= block.timestamp + CLOCK_SKEW_SECONDS, IssuedInFuture());
        require(expiresAt > block.timestamp, Expired());
        require(issuedAt < expiresAt && expiresAt <= issuedAt + MAX_LIFETIME_SECONDS, LifetimeTooLong());
    }

    /// @dev Row 6. Signers and publishers both ascend, so one pass over each is enough.
    function _checkSignatures(
        Subject memory subject,
        StoredPolicy memory policy,
        bytes32 listHash,
        SignerSignature[] calldata signatures
    ) private view {
        uint256 position;
        address previous;
        for (uint256 i = 0; i < signatures.length; ++i) {
            SignerSignature calldata given = signatures[i];
            address signer = given.signer;
            require(signer > previous, SignersNotAscending());
            previous = signer;
            position = _seekPublisher(policy.publisherCount, subject, signer, position);
            require(!_isRevoked(policy, subject, signer), Revoked());
            require(SignatureRule.isValid(signer, listHash, given.signature), BadSignature());
        }
        require(signatures.length >= (policy.publisherCount == 0 ? 1 : policy.threshold), ThresholdNotMet());
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
        while (position < publishers && stored[position] < signer) ++position;
        require(position < publishers && stored[position] == signer, NotPublisher());
        return position;
    }

    /// @dev Most owners never revoke anything: their policy says so without another slot.
    function _isRevoked(StoredPolicy memory policy, Subject memory subject, address key) private view returns (bool) {
        return policy.hasRevocations && _revoked[subject.owner][subject.authority][key];
    }
}
