// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IMooringResolver} from "../IMooringResolver.sol";
import {AbiReader} from "./AbiReader.sol";

/// @notice The indexed Merkle tree of protocol 2.1. A proof is the tuple `(bytes key, bytes nextKey, bytes value, bytes32[] path)`.
library TagTree {
    uint256 internal constant MAX_KEY_BYTES = 129;
    uint256 internal constant MAX_PATH_HASHES = 20;
    uint256 private constant MAX_COUNT = 1 << MAX_PATH_HASHES;
    bytes1 private constant KIND_TAG = 0x01;

    /// @notice Row 0 of the check order for one proof.
    function checkLimits(bytes calldata proof) internal pure {
        require(AbiReader.blob(proof, 0).length <= MAX_KEY_BYTES, IMooringResolver.BadResponse());
        require(AbiReader.blob(proof, 1).length <= MAX_KEY_BYTES, IMooringResolver.BadResponse());
        AbiReader.blob(proof, 2);
        bytes calldata path = AbiReader.tail(proof, 3);
        require(AbiReader.number(path, 0) <= MAX_PATH_HASHES, IMooringResolver.BadResponse());
    }

    /// @notice The value that a list holds for a tag, or `present` false for proven absent.
    function prove(bytes calldata proof, bytes calldata tag, uint256 count, bytes32 root)
        internal
        pure
        returns (bool present, bytes calldata value)
    {
        require(rootOf(proof, count) == root, IMooringResolver.BadProof());
        value = AbiReader.blob(proof, 2);
        int256 order = compareWithTag(AbiReader.blob(proof, 0), tag);
        if (order == 0) return (true, value);
        bytes calldata nextKey = AbiReader.blob(proof, 1);
        bool spans = order < 0 && (nextKey.length == 0 || compareWithTag(nextKey, tag) > 0);
        require(spans, IMooringResolver.BadProof());
    }

    /// @notice The root that a proof leads to; a path has exactly ceil(log2(count)) hashes.
    function rootOf(bytes calldata proof, uint256 count) internal pure returns (bytes32 node) {
        require(count > 0 && count <= MAX_COUNT, IMooringResolver.BadProof());
        bytes calldata path = AbiReader.tail(proof, 3);
        uint256 hashes = AbiReader.number(path, 0);
        require(hashes == Math.log2(count, Math.Rounding.Ceil), IMooringResolver.BadProof());
        node = leafOf(AbiReader.blob(proof, 0), AbiReader.blob(proof, 1), AbiReader.blob(proof, 2));
        for (uint256 i = 1; i <= hashes; ++i) {
            node = Hashes.commutativeKeccak256(node, AbiReader.word(path, i));
        }
    }

    /// @notice Hashed twice, so that no inner node is a leaf. A length is never cut to fit its byte.
    function leafOf(bytes calldata key, bytes calldata nextKey, bytes calldata value) internal pure returns (bytes32) {
        require(key.length <= MAX_KEY_BYTES && nextKey.length <= MAX_KEY_BYTES, IMooringResolver.BadResponse());
        bytes32 inner =
            keccak256(abi.encodePacked(uint8(key.length), key, uint8(nextKey.length), nextKey, value));
        return keccak256(abi.encodePacked(inner));
    }

    /// @notice Order of a key against `0x01 | tag` as raw bytes, a prefix first: below zero, zero, above zero.
    function compareWithTag(bytes calldata key, bytes calldata tag) internal pure returns (int256) {
        if (key.length == 0 || key[0] < KIND_TAG) return -1;
        if (key[0] > KIND_TAG) return 1;
        return _compare(key[1:], tag);
    }

    /// @dev Word by word: a slice that ends early reads as zeros, and then the lengths decide.
    function _compare(bytes calldata a, bytes calldata b) private pure returns (int256) {
        uint256 shorter = Math.min(a.length, b.length);
        for (uint256 i = 0; i < shorter; i += 32) {
            bytes32 left = bytes32(a[i:]);
            bytes32 right = bytes32(b[i:]);
            if (left != right) return left < right ? -1 : int256(1);
        }
        if (a.length == b.length) return 0;
        return a.length < b.length ? -1 : int256(1);
    }
}
