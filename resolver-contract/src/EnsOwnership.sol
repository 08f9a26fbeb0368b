// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOwnership} from "./IOwnership.sol";

interface IEnsRegistry {
    function owner(bytes32 node) external view returns (address);
    function resolver(bytes32 node) external view returns (address);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
}

interface INameWrapper {
    function ownerOf(uint256 id) external view returns (address);
    function isApprovedForAll(address owner, address operator) external view returns (bool);
}

interface IRegistrar {
    function nameExpires(uint256 id) external view returns (uint256);
}

/// @notice Ownership in ENS as it is on mainnet since 2020: registry, NameWrapper, and the .eth registrar for expiry.
/// A chain without a wrapper or without a registrar gives zero for it.
contract EnsOwnership is IOwnership {
    bytes32 private constant ETH_NODE = 0x93cdeb708b7545dc668eb9280176169d1c33cfd8ed6f04690a0bcc88a93fc4ae;
    uint256 private constant GRACE_SECONDS = 90 days;

    address public immutable ensRegistry;
    address public immutable nameWrapper;
    address public immutable registrar;

    constructor(address ensRegistry_, address nameWrapper_, address registrar_) {
        ensRegistry = ensRegistry_;
        nameWrapper = nameWrapper_;
        registrar = registrar_;
    }

    /// @inheritdoc IOwnership
    function authorityOf(bytes calldata name, bytes32[] calldata nodes)
        external
        view
        returns (address resolver, bytes32 authority, address owner)
    {
        uint256 last = nodes.length - 1;
        for (uint256 i = 0; i <= last; ++i) {
            resolver = IEnsRegistry(ensRegistry).resolver(nodes[i]);
            if (resolver != address(0)) break;
        }
        for (uint256 i = 0; i < last; ++i) {
            authority = nodes[i];
            owner = ownerOf(authority);
            if (owner != address(0)) break;
        }
        if (owner == address(0) || _isLapsed(name, nodes)) return (resolver, 0, address(0));
    }

    /// @inheritdoc IOwnership
    function ownerOf(bytes32 node) public view returns (address owner) {
        owner = IEnsRegistry(ensRegistry).owner(node);
        if (owner != address(0) && owner == nameWrapper) owner = INameWrapper(nameWrapper).ownerOf(uint256(node));
    }

    /// @inheritdoc IOwnership
    function isOperator(bytes32 node, address owner, address operator) external view returns (bool) {
        bool wrapped = nameWrapper != address(0) && IEnsRegistry(ensRegistry).owner(node) == nameWrapper;
        return wrapped
            ? INameWrapper(nameWrapper).isApprovedForAll(owner, operator)
            : IEnsRegistry(ensRegistry).isApprovedForAll(owner, operator);
    }

    /// @dev At or below a .eth second-level name past expiry and grace; never registered counts as past.
    function _isLapsed(bytes calldata name, bytes32[] calldata nodes) private view returns (bool) {
        if (registrar == address(0) || nodes[nodes.length - 1] != ETH_NODE) return false;
        uint256 start;
        unchecked {
            for (uint256 i = nodes.length; i > 2; --i) {
                start += 1 + uint8(name[start]);
            }
        }
        bytes32 label = keccak256(abi.encodePacked(name[start + 1:start + 1 + uint8(name[start])]));
        uint256 expiresAt = IRegistrar(registrar).nameExpires(uint256(label));
        return expiresAt < block.timestamp && block.timestamp - expiresAt > GRACE_SECONDS;
    }
}
