// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A ListHeader as the nine words of its encoding: what is compared with the chain and hashed. No word is cut to its field: one
/// too large for it fails its own check, or stands in a hash that nobody signs.
struct ListWords {
    uint256 owner;
    uint256 epoch;
    uint256 version;
    bytes32 previous;
    bytes32 root;
    uint256 count;
    bytes32 delegations;
    uint256 issuedAt;
    uint256 expiresAt;
}

/// @notice The EIP-712 structs of protocol 2.2.
library SignedStruct {
    bytes32 private constant TAG_LIST = keccak256(
        "TagList(string name,bytes32 node,address owner,uint64 epoch,uint64 version,bytes32 previous,bytes32 root,uint64 count,bytes32 delegations,uint64 issuedAt,uint64 expiresAt)"
    );
    bytes32 private constant TIMESTAMP = keccak256(
        "Timestamp(bytes32 node,uint64 epoch,uint64 version,bytes32 list,uint64 issuedAt,uint64 expiresAt)"
    );
    bytes32 private constant REVOCATION = keccak256("Revocation(bytes32 node,address owner,address key)");

    function hashList(bytes memory name, bytes32 node, ListWords memory list) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_LIST, keccak256(name), node, list));
    }

    function hashTimestamp(
        bytes32 node,
        ListWords memory list,
        bytes32 listHash,
        uint256 issuedAt,
        uint256 expiresAt
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TIMESTAMP, node, list.epoch, list.version, listHash, issuedAt, expiresAt));
    }

    function hashRevocation(bytes32 node, address owner, address key) internal pure returns (bytes32) {
        return keccak256(abi.encode(REVOCATION, node, owner, key));
    }
}
