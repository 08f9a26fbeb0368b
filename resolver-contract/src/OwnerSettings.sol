// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IMooringResolver, Policy} from "./IMooringResolver.sol";
import {IOwnership} from "./IOwnership.sol";
import {DnsName} from "./lib/DnsName.sol";
import {SignatureRule} from "./lib/SignatureRule.sol";
import {SignedStruct} from "./lib/SignedStruct.sol";

/// @notice What owners decide, keyed by the owner, so that it lapses by itself when the owner changes (protocol 3).
abstract contract OwnerSettings is IMooringResolver, EIP712 {
    uint256 private constant MAX_PUBLISHERS = 8;
    uint256 private constant MAX_GATEWAYS = 8;
    uint256 private constant MAX_BASE_URL_BYTES = 255;
    uint256 private constant MIN_MAX_AGE_SECONDS = 1 hours;
    uint256 private constant MAX_MAX_AGE_SECONDS = 7 days;
    uint256 internal constant VERSION_LIMIT = 1 << 53;

    /// @dev One slot besides the publishers; all zero without set-up.
    struct StoredPolicy {
        uint8 publisherCount;
        uint8 threshold;
        uint32 maxAge;
        address timestamper;
        address[8] publishers;
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
    address public immutable defaultFallback;
    string[] private _defaultGateways;

    mapping(bytes32 node => uint64) internal _epochs;
    mapping(address owner => mapping(bytes32 authority => StoredPolicy)) internal _policies;
    mapping(address owner => mapping(bytes32 authority => mapping(address key => bool))) internal _revoked;
    mapping(address owner => mapping(bytes32 node => mapping(uint64 epoch => Floor))) internal _floors;
    mapping(address owner => mapping(bytes32 authority => string[])) private _gateways;
    mapping(address owner => mapping(bytes32 authority => address)) private _fallbacks;

    constructor(IOwnership ownership_, address defaultFallback_, string[] memory defaultGateways)
        EIP712("Mooring", "1")
    {
        ownership = ownership_;
        defaultFallback = defaultFallback_;
        _defaultGateways = defaultGateways;
    }

    /// @inheritdoc IMooringResolver
    function setPolicy(bytes calldata name, Policy calldata policy) external {
        Subject memory subject = _authorized(name);
        _checkPolicy(policy);
        StoredPolicy storage stored = _policies[subject.owner][subject.authority];
        bool ownerAlone = policy.publishers.length == 0;
        stored.publisherCount = uint8(policy.publishers.length);
        stored.threshold = ownerAlone ? 0 : policy.threshold;
        stored.maxAge = policy.maxAge;
        stored.timestamper = policy.timestamper;
        for (uint256 i = 0; i < policy.publishers.length; ++i) {
            stored.publishers[i] = policy.publishers[i];
        }
        emit PolicyChanged(subject.authority, subject.owner, _epochs[subject.authority], policy);
    }

    /// @inheritdoc IMooringResolver
    function setGateways(bytes calldata name, string[] calldata baseUrls) external {
        Subject memory subject = _authorized(name);
        require(baseUrls.length <= MAX_GATEWAYS, InvalidGateway());
        for (uint256 i = 0; i < baseUrls.length; ++i) {
            require(_isBaseUrl(bytes(baseUrls[i])), InvalidGateway());
        }
        _gateways[subject.owner][subject.authority] = baseUrls;
        emit GatewaysChanged(subject.authority, subject.owner, _epochs[subject.authority], baseUrls);
    }

    /// @inheritdoc IMooringResolver
    function setFallback(bytes calldata name, address resolver) external {
        Subject memory subject = _authorized(name);
        require(resolver != address(this), InvalidFallback());
        _fallbacks[subject.owner][subject.authority] = resolver;
        emit FallbackChanged(subject.authority, subject.owner, _epochs[subject.authority], resolver);
    }

    /// @inheritdoc IMooringResolver
    function revoke(bytes calldata name, address key) external {
        _revoke(_authorized(name), key);
    }

    /// @inheritdoc IMooringResolver
    function revokeBySignature(bytes calldata name, address key, bytes calldata signature) external {
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        require(subject.owner != address(0), NoOwner());
        bytes32 structHash = SignedStruct.hashRevocation(subject.authority, subject.owner, key);
        require(signature.length <= SignatureRule.MAX_SIGNATURE_BYTES, BadSignature());
        require(SignatureRule.isValid(key, _hashTypedDataV4(structHash), signature), BadSignature());
        _revoke(subject, key);
    }

    /// @inheritdoc IMooringResolver
    function reset(bytes calldata name) external {
        Subject memory subject = _authorized(name);
        uint64 epoch = ++_epochs[subject.node];
        emit EpochReset(subject.node, subject.owner, epoch);
    }

    /// @inheritdoc IMooringResolver
    function anchor(bytes calldata name, uint64 version, bytes32 list) external {
        Subject memory subject = _authorized(name);
        uint64 epoch = _epochs[subject.node];
        Floor storage floor = _floors[subject.owner][subject.node][epoch];
        if (list == 0) {
            version = 0;
        } else {
            require(version > 0 && version < VERSION_LIMIT, InvalidAnchor());
            _raise(floor, subject, epoch, version);
        }
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
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        (owner, authority) = (subject.owner, subject.authority);
        if (owner == address(0)) return (owner, authority, policy);
        StoredPolicy storage stored = _policies[owner][authority];
        uint256 count = stored.publisherCount;
        policy.publishers = new address[](count == 0 ? 1 : count);
        policy.publishers[0] = owner;
        for (uint256 i = 0; i < count; ++i) {
            policy.publishers[i] = stored.publishers[i];
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
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        epoch = _epochs[subject.node];
        Floor storage floor = _floors[subject.owner][subject.node][epoch];
        return (epoch, floor.minVersion, floor.anchorVersion, floor.anchorHash);
    }

    /// @inheritdoc IMooringResolver
    function authorityOf(bytes calldata name)
        external
        view
        returns (bytes32 node, bool reachable, bytes32 authority, address owner)
    {
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        return (subject.node, subject.reachable, subject.authority, subject.owner);
    }

    /// @inheritdoc IMooringResolver
    function isRevoked(bytes calldata name, address key) external view returns (bool) {
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        return _revoked[subject.owner][subject.authority][key];
    }

    /// @inheritdoc IMooringResolver
    function gatewaysOf(bytes calldata name) external view returns (string[] memory baseUrls) {
        return _gatewaysOf(_subjectOf(name, DnsName.nodesOf(name)));
    }

    /// @inheritdoc IMooringResolver
    function fallbackOf(bytes calldata name) external view returns (address resolver) {
        Subject memory subject = _subjectOf(name, DnsName.nodesOf(name));
        return _fallbackOf(subject.owner, subject.authority);
    }

    /// @dev `nodes` are those of `name`; the root has none and no owner.
    function _subjectOf(bytes calldata name, bytes32[] memory nodes) internal view returns (Subject memory subject) {
        if (nodes.length == 0) return subject;
        subject.node = nodes[0];
        address resolver;
        (resolver, subject.authority, subject.owner) = ownership.authorityOf(name, nodes);
        subject.reachable = resolver == address(this);
    }

    function _gatewaysOf(Subject memory subject) internal view returns (string[] memory baseUrls) {
        baseUrls = _gateways[subject.owner][subject.authority];
        if (baseUrls.length == 0) baseUrls = _defaultGateways;
    }

    function _fallbackOf(address owner, bytes32 authority) internal view returns (address resolver) {
        resolver = _fallbacks[owner][authority];
        if (resolver == address(0)) resolver = defaultFallback;
    }

    function _raise(Floor storage floor, Subject memory subject, uint64 epoch, uint64 version) internal {
        if (version <= floor.minVersion) return;
        floor.minVersion = version;
        emit FloorRaised(subject.node, subject.owner, epoch, version);
    }

    function _revoke(Subject memory subject, address key) private {
        require(key != address(0), InvalidKey());
        _revoked[subject.owner][subject.authority][key] = true;
        emit KeyRevoked(subject.authority, subject.owner, _epochs[subject.authority], key);
    }

    /// @dev The name's authority, when the sender may write for its owner.
    function _authorized(bytes calldata name) private view returns (Subject memory subject) {
        subject = _subjectOf(name, DnsName.nodesOf(name));
        require(subject.owner != address(0), NoOwner());
        require(
            msg.sender == subject.owner || ownership.isOperator(subject.authority, subject.owner, msg.sender),
            NotAuthorized()
        );
    }

    function _checkPolicy(Policy calldata policy) private pure {
        uint256 count = policy.publishers.length;
        bool timestamped = policy.timestamper != address(0);
        require(count <= MAX_PUBLISHERS, InvalidPolicy());
        if (count == 0) {
            require(policy.threshold <= 1 && !timestamped && policy.maxAge == 0, InvalidPolicy());
            return;
        }
        require(policy.threshold > 0 && policy.threshold <= count, InvalidPolicy());
        address previous;
        for (uint256 i = 0; i < count; ++i) {
            require(policy.publishers[i] > previous, InvalidPolicy());
            previous = policy.publishers[i];
        }
        require(timestamped == (policy.maxAge != 0), InvalidPolicy());
        if (!timestamped) return;
        require(policy.maxAge >= MIN_MAX_AGE_SECONDS && policy.maxAge <= MAX_MAX_AGE_SECONDS, InvalidPolicy());
    }

    /// @dev http or https, no space (the oci-registry record is a list with spaces), no brace (ERC-3668 templates), no final slash.
    function _isBaseUrl(bytes calldata url) private pure returns (bool) {
        if (url.length > MAX_BASE_URL_BYTES || url.length < 9 || url[url.length - 1] == "/") return false;
        if (bytes7(url) != "http://" && bytes8(url) != "https://") return false;
        for (uint256 i = 0; i < url.length; ++i) {
            if (url[i] <= 0x20 || url[i] >= 0x7f || url[i] == "{" || url[i] == "}") return false;
        }
        return true;
    }
}
