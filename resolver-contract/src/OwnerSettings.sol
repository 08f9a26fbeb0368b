// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Policy} from "./IMooringResolver.sol";
import {IOwnership} from "./IOwnership.sol";
import {SigningDomain} from "./SigningDomain.sol";
import {DnsName} from "./lib/DnsName.sol";
import {Lookup} from "./lib/Lookup.sol";
import {SettingRules} from "./lib/SettingRules.sol";
import {SignatureRule} from "./lib/SignatureRule.sol";
import {SignedStruct} from "./lib/SignedStruct.sol";

/// @notice What owners decide, keyed by the owner, so that it lapses by itself when the owner changes (protocol 3).
abstract contract OwnerSettings is IMooringResolver, SigningDomain {
    uint256 private constant MAX_GATEWAYS = 8;
    uint256 internal constant VERSION_LIMIT = 1 << 53;

    /// @dev One slot, all zero without set-up; the publishers stand beside it.
    struct StoredPolicy {
        uint8 publisherCount;
        uint8 threshold;
        uint32 maxAge;
        address timestamper;
        bool hasRevocations; // some key stands in _revoked; no policy clears it
    }

    /// @dev Most names have neither floor nor policy: their node says so without another slot.
    struct NodeState {
        uint64 epoch;
        bool hasFloor; // some Floor was ever written for this node
        bool hasPolicy; // some StoredPolicy was
    }

    struct Floor {
        uint64 minVersion;
        uint64 anchorVersion;
        bytes32 anchorHash;
    }

    /// @dev A name as the chain sees it now; `authority` and `owner` are zero when nobody owns it.
    struct Subject {
        bytes32 node;
        bool reachable;
        bytes32 authority;
        address owner;
    }

    IOwnership public immutable ownership;
    address private immutable _defaultFallback;

    mapping(bytes32 node => NodeState) internal _nodes;
    mapping(address owner => mapping(bytes32 authority => StoredPolicy)) internal _policies;
    mapping(address owner => mapping(bytes32 authority => address[8])) internal _publishers;
    mapping(address owner => mapping(bytes32 authority => mapping(address key => bool))) internal _revoked;
    mapping(address owner => mapping(bytes32 node => mapping(uint64 epoch => Floor))) internal _floors;
    /// @dev As abi.encode(string[]); those of the deployment are nobody's.
    mapping(address owner => mapping(bytes32 authority => bytes)) private _gateways;
    mapping(address owner => mapping(bytes32 authority => address)) private _fallbacks;

    constructor(IOwnership ownership_, address defaultFallback, string[] memory defaultGateways) {
        ownership = ownership_;
        _defaultFallback = defaultFallback;
        if (defaultGateways.length > 0) _gateways[address(0)][0] = abi.encode(defaultGateways);
    }

    /// @inheritdoc IMooringResolver
    function setPolicy(bytes calldata name, Policy memory policy) external {
        Subject memory subject = _authorized(name);
        require(SettingRules.isPolicy(policy), InvalidPolicy());
        StoredPolicy storage stored = _policies[subject.owner][subject.authority];
        // The owner alone is kept as no publishers at all, which says the same and needs no other slot.
        bool ownerAlone = policy.publishers.length == 1 && policy.publishers[0] == subject.owner;
        _policies[subject.owner][subject.authority] = StoredPolicy({
            publisherCount: ownerAlone ? 0 : uint8(policy.publishers.length),
            threshold: policy.threshold,
            maxAge: policy.maxAge,
            timestamper: policy.timestamper,
            hasRevocations: stored.hasRevocations
        });
        address[8] storage publishers = _publishers[subject.owner][subject.authority];
        for (uint256 i = 0; i < policy.publishers.length; ++i) {
            publishers[i] = policy.publishers[i];
        }
        _nodes[subject.authority].hasPolicy = true;
        emit PolicyChanged(subject.authority, subject.owner, _nodes[subject.authority].epoch, policy);
    }

    /// @inheritdoc IMooringResolver
    function setGateways(bytes calldata name, string[] memory baseUrls) external {
        Subject memory subject = _authorized(name);
        require(baseUrls.length <= MAX_GATEWAYS, InvalidGateway());
        for (uint256 i = 0; i < baseUrls.length; ++i) {
            require(SettingRules.isBaseUrl(bytes(baseUrls[i])), InvalidGateway());
        }
        _gateways[subject.owner][subject.authority] = baseUrls.length == 0 ? bytes("") : abi.encode(baseUrls);
        emit GatewaysChanged(subject.authority, subject.owner, _nodes[subject.authority].epoch, baseUrls);
    }

    /// @inheritdoc IMooringResolver
    function setFallback(bytes calldata name, address resolver) external {
        Subject memory subject = _authorized(name);
        require(resolver != address(this), InvalidFallback());
        _fallbacks[subject.owner][subject.authority] = resolver;
        emit FallbackChanged(subject.authority, subject.owner, _nodes[subject.authority].epoch, resolver);
    }

    /// @inheritdoc IMooringResolver
    function revoke(bytes calldata name, address key) external {
        _revoke(_authorized(name), key);
    }

    /// @inheritdoc IMooringResolver
    function revokeBySignature(bytes calldata name, address key, bytes calldata signature) external {
        Subject memory subject = _subjectOf(name);
        require(subject.owner != address(0), NoOwner());
        bytes32 structHash = SignedStruct.hashRevocation(subject.authority, subject.owner, key);
        require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadSignature());
        require(SignatureRule.isValid(key, _signingHash(structHash), signature), BadSignature());
        _revoke(subject, key);
    }

    /// @inheritdoc IMooringResolver
    function reset(bytes calldata name) external {
        Subject memory subject = _authorized(name);
        uint64 epoch = ++_nodes[subject.node].epoch;
        emit EpochReset(subject.node, subject.owner, epoch);
    }

    /// @inheritdoc IMooringResolver
    function anchor(bytes calldata name, uint64 version, bytes32 list) external {
        Subject memory subject = _authorized(name);
        uint64 epoch = _nodes[subject.node].epoch;
        if (list == 0) {
            version = 0;
        } else {
            require(version > 0 && version < VERSION_LIMIT, InvalidAnchor());
            _raise(subject, epoch, version);
        }
        Floor storage floor = _floors[subject.owner][subject.node][epoch];
        floor.anchorVersion = version;
        floor.anchorHash = list;
        emit ListAnchored(subject.node, subject.owner, epoch, version, list);
    }

    /// @inheritdoc IMooringResolver
    function policyOf(bytes calldata name)
        external
        view
        returns (address owner, bytes32 authority, Policy memory policy)
    {
        Subject memory subject = _subjectOf(name);
        (owner, authority) = (subject.owner, subject.authority);
        if (owner == address(0)) return (owner, authority, policy);
        StoredPolicy memory stored = _policies[owner][authority];
        uint256 count = stored.publisherCount;
        policy.publishers = new address[](count == 0 ? 1 : count);
        policy.publishers[0] = owner;
        for (uint256 i = 0; i < count; ++i) {
            policy.publishers[i] = _publishers[owner][authority][i];
        }
        policy.threshold = count == 0 ? 1 : stored.threshold;
        (policy.timestamper, policy.maxAge) = (stored.timestamper, stored.maxAge);
    }

    /// @inheritdoc IMooringResolver
    function stateOf(bytes calldata name)
        external
        view
        returns (uint64 epoch, uint64 minVersion, uint64 anchorVersion, bytes32 anchorHash)
    {
        Subject memory subject = _subjectOf(name);
        epoch = _nodes[subject.node].epoch;
        Floor storage floor = _floors[subject.owner][subject.node][epoch];
        return (epoch, floor.minVersion, floor.anchorVersion, floor.anchorHash);
    }

    /// @inheritdoc IMooringResolver
    function isRevoked(bytes calldata name, address key) external view returns (bool) {
        Subject memory subject = _subjectOf(name);
        return _revoked[subject.owner][subject.authority][key];
    }

    /// @inheritdoc IMooringResolver
    function gatewaysOf(bytes calldata name) external view returns (string[] memory baseUrls) {
        return _gatewaysOf(_subjectOf(name));
    }

    /// @inheritdoc IMooringResolver
    function fallbackOf(bytes calldata name) external view returns (address resolver) {
        Subject memory subject = _subjectOf(name);
        return _fallbackOf(subject.owner, subject.authority);
    }

    function _subjectOf(bytes calldata name) internal view returns (Subject memory) {
        Lookup.Summary memory nothing;
        return _subjectOf(name, nothing);
    }

    /// @dev Row 1, and what row 2 asks for. The root has no owner.
    function _subjectOf(bytes calldata name, Lookup.Summary memory asked)
        internal
        view
        returns (Subject memory subject)
    {
        bytes32[] memory nodes = DnsName.nodesOf(name, asked.tags > 0);
        if (nodes.length > 0) subject.node = nodes[0];
        require(asked.calls == 0 || (!asked.hasManyNodes && asked.node == subject.node), NodeMismatch());
        require(!asked.hasBadTag, InvalidTag());
        if (nodes.length == 0) return subject;
        address resolver;
        (resolver, subject.authority, subject.owner) = ownership.authorityOf(name, nodes);
        subject.reachable = resolver == address(this);
    }

    function _gatewaysOf(Subject memory subject) internal view returns (string[] memory baseUrls) {
        bytes memory encoded = _gateways[subject.owner][subject.authority];
        if (encoded.length == 0) encoded = _gateways[address(0)][0];
        if (encoded.length > 0) baseUrls = abi.decode(encoded, (string[]));
    }

    function _fallbackOf(address owner, bytes32 authority) internal view returns (address resolver) {
        resolver = _fallbacks[owner][authority];
        if (resolver == address(0)) resolver = _defaultFallback;
    }

    function _raise(Subject memory subject, uint64 epoch, uint64 version) internal {
        Floor storage floor = _floors[subject.owner][subject.node][epoch];
        if (version <= floor.minVersion) return;
        _nodes[subject.node].hasFloor = true;
        floor.minVersion = version;
        emit FloorRaised(subject.node, subject.owner, epoch, version);
    }

    function _revoke(Subject memory subject, address key) private {
        require(key != address(0), InvalidKey());
        _nodes[subject.authority].hasPolicy = true;
        _policies[subject.owner][subject.authority].hasRevocations = true;
        _revoked[subject.owner][subject.authority][key] = true;
        emit KeyRevoked(subject.authority, subject.owner, _nodes[subject.authority].epoch, key);
    }

    /// @dev The name's authority, when the sender may write for its owner.
    function _authorized(bytes calldata name) private view returns (Subject memory subject) {
        subject = _subjectOf(name);
        require(subject.owner != address(0), NoOwner());
        require(
            msg.sender == subject.owner || ownership.isOperator(subject.authority, subject.owner, msg.sender),
            NotAuthorized()
        );
    }
}
