// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IMooringResolver, Proof} from "../IMooringResolver.sol";

/// @notice The indexed Merkle tree of protocol 2.1.
library TagTree {
    uint256 private constant MAX_KEY_BYTES = 129;
    uint256 private constant MAX_PATH_HASHES = 20;
    bytes1 private constant KIND_TAG = 0x01;

    /// @notice Row 0 of the check order for one proof. A length is never cut to fit its one byte in the leaf.
    function checkLimits(Proof calldata proof) internal pure {
        require(
            proof.key.length <= MAX_KEY_BYTES && proof.nextKey.length <= MAX_KEY_BYTES
                && proof.path.length <= MAX_PATH_HASHES,
            IMooringResolver.BadResponse()
        );
    }

    /// @notice Row 8: whether the list holds the tag; refuses what proves neither that nor its absence. Limits are checked before.
    function isPresent(Proof calldata proof, bytes calldata tag, uint256 count, bytes32 root)
        internal
        pure
        returns (bool)
    {
        (bytes calldata key, bytes calldata nextKey, bytes32[] calldata path) = (proof.key, proof.nextKey, proof.path);
        require(_fits(count, path.length), IMooringResolver.BadProof());
        bytes32 leaf = leafOf(key, nextKey, proof.value);
        require(MerkleProof.processProofCalldata(path, leaf) == root, IMooringResolver.BadProof());
        int256 order = compareWithTag(key, tag);
        if (order == 0) return true;
        bool spans = order < 0 && (nextKey.length == 0 || compareWithTag(nextKey, tag) > 0);
        require(spans, IMooringResolver.BadProof());
        return false;
    }

    /// @notice Hashed twice, so that no inner node is a leaf.
    function leafOf(bytes calldata key, bytes calldata nextKey, bytes calldata value) internal pure returns (bytes32) {
        bytes32 inner =
            keccak256(abi.encodePacked(uint8(key.length), key, uint8(nextKey.length), nextKey, value));
        return keccak256(bytes.concat(inner));
    }

    /// @notice Order of a key against `0x01 | tag` as raw bytes, a prefix first: below zero, zero, above zero.
    function compareWithTag(bytes calldata key, bytes calldata tag) internal pure returns (int256) {
        if (key.length == 0) return -1;
        bytes1 kind = key[0];
        if (kind != KIND_TAG) return kind < KIND_TAG ? -1 : int256(1);
        return _compare(key[1:], tag);
    }

    /// @dev Whether a tree of `count` slots, at least one, has paths of exactly this length, at most 20: ceil(log2(count)).
    function _fits(uint256 count, uint256 depth) private pure returns (bool) {
        return count <= 1 << depth && count > (1 << depth) >> 1;
    }

    /// @dev Word by word: a slice that ends early reads as zeros, and then the lengths decide.
    function _compare(bytes calldata a, bytes calldata b) private pure returns (int256) {
        for (uint256 i = 0; i < a.length && i < b.length; i += 32) {
            bytes32 left = bytes32(a[i:]);
            bytes32 right = bytes32(b[i:]);
            if (left != right) return left < right ? -1 : int256(1);
        }
        if (a.length == b.length) return 0;
        return a.length < b.length ? -1 : int256(1);
    }
}
