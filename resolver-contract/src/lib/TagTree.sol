// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IMooringResolver} from "../IMooringResolver.sol";
import {AbiReader} from "./AbiReader.sol";

/// @notice The indexed Merkle tree of protocol 2.1.
library TagTree {
    uint256 private constant MAX_KEY_BYTES = 129;
    uint256 private constant MAX_PATH_HASHES = 20;
    bytes1 private constant KIND_TAG = 0x01;

    /// @notice Row 8: whether the list holds the tag, and the value beside it; refuses what proves neither that nor its absence.
    /// @param proof the encoding of a Proof
    function read(bytes calldata proof, bytes calldata tag, uint256 count, bytes32 root)
        internal
        pure
        returns (bool present, bytes calldata value)
    {
        (uint256 keyAt, uint256 nextKeyAt, uint256 valueAt, uint256 pathAt) =
            abi.decode(proof, (uint256, uint256, uint256, uint256));
        bytes calldata key = AbiReader.blobAt(proof, keyAt);
        bytes calldata nextKey = AbiReader.blobAt(proof, nextKeyAt);
        value = AbiReader.blobAt(proof, valueAt);
        // A length is never cut to fit its one byte in the leaf.
        require(key.length <= MAX_KEY_BYTES && nextKey.length <= MAX_KEY_BYTES, IMooringResolver.BadResponse());
        bytes calldata path = proof[pathAt:];
        uint256 depth = AbiReader.number(path, 0);
        require(depth <= MAX_PATH_HASHES, IMooringResolver.BadResponse());
        require(_fits(count, depth), IMooringResolver.BadProof());
        require(_rootOf(leafOf(key, nextKey, value), path[32:32 + 32 * depth]) == root, IMooringResolver.BadProof());
        int256 order = compareWithTag(key, tag);
        if (order == 0) return (true, value);
        bool spans = order < 0 && (nextKey.length == 0 || compareWithTag(nextKey, tag) > 0);
        require(spans, IMooringResolver.BadProof());
    }

    /// @notice Hashed twice, so that no inner node is a leaf.
    function leafOf(bytes calldata key, bytes calldata nextKey, bytes calldata value) internal pure returns (bytes32) {
        bytes32 inner =
            keccak256(abi.encodePacked(uint8(key.length), key, uint8(nextKey.length), nextKey, value));
        return keccak256(abi.encode(inner));
    }

    /// @notice Order of a key against `0x01 | tag` as raw bytes, a prefix first: below zero, zero, above zero.
    function compareWithTag(bytes calldata key, bytes calldata tag) internal pure returns (int256) {
        if (key.length == 0) return -1;
        bytes1 kind = bytes1(key);
        if (kind != KIND_TAG) return kind < KIND_TAG ? -1 : int256(1);
        return _compare(key[1:], tag);
    }

    /// @dev Up from a leaf along the hashes of its path, two at a time.
    function _rootOf(bytes32 node, bytes calldata path) private pure returns (bytes32) {
        for (; path.length > 32; path = path[64:]) {
            (bytes32 sibling, bytes32 next) = abi.decode(path, (bytes32, bytes32));
            node = Hashes.commutativeKeccak256(Hashes.commutativeKeccak256(node, sibling), next);
        }
        if (path.length == 0) return node;
        return Hashes.commutativeKeccak256(node, abi.decode(path, (bytes32)));
    }

    /// @dev Whether a tree of `count` slots, at least one, has paths of exactly this length, at most 20: ceil(log2(count)).
    function _fits(uint256 count, uint256 depth) private pure returns (bool) {
        return count <= 1 << depth && count > (1 << depth) >> 1;
    }

    /// @dev Word by word: a slice that ends early reads as zeros, and then the lengths decide.
    function _compare(bytes calldata a, bytes calldata b) private pure returns (int256) {
        for (;; (a, b) = (a[32:], b[32:])) {
            (bytes32 left, bytes32 right) = (bytes32(a), bytes32(b));
            if (left != right) return left < right ? -1 : int256(1);
            if (a.length <= 32 || b.length <= 32) break;
        }
        if (a.length == b.length) return 0;
        return a.length < b.length ? -1 : int256(1);
    }
}
