// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Proof} from "../src/IMooringResolver.sol";

struct Entry {
    uint8 flags;
    uint64 updatedVersion;
    uint64 size;
    bytes32 swarmReference;
    uint8 algorithm;
    bytes digest;
    bytes mediaType;
}

struct Slot {
    bytes key;
    bytes nextKey;
    bytes value;
}

/// @notice Builds tag lists as protocol 2.1 writes them, on its own: nothing here comes from the contract under test.
library TagListBuilder {
    function entry(bytes32 digest) internal pure returns (Entry memory) {
        return Entry(0, 1, 1234, bytes32(0), 1, abi.encodePacked(digest), "application/vnd.oci.image.index.v1+json");
    }

    function encode(Entry memory e) internal pure returns (bytes memory) {
        return abi.encodePacked(
            e.flags, e.updatedVersion, e.size, e.swarmReference, e.algorithm, e.digest, e.mediaType
        );
    }

    /// @notice Slots of a list whose tags are given in ascending order.
    function slots(string[] memory tags, bytes[] memory values) internal pure returns (Slot[] memory made) {
        made = new Slot[](tags.length + 1);
        for (uint256 i = 0; i < tags.length; ++i) {
            bytes memory key = abi.encodePacked(uint8(1), tags[i]);
            made[i].nextKey = key;
            made[i + 1].key = key;
            made[i + 1].value = values[i];
        }
    }

    function leaf(Slot memory s) internal pure returns (bytes32) {
        bytes memory cut = abi.encodePacked(uint8(s.key.length), s.key, uint8(s.nextKey.length), s.nextKey, s.value);
        return keccak256(abi.encodePacked(keccak256(cut)));
    }

    function depthOf(uint256 count) internal pure returns (uint256 depth) {
        while (2 ** depth < count) ++depth;
    }

    function root(Slot[] memory list) internal pure returns (bytes32) {
        bytes32[] memory level = leaves(list);
        while (level.length > 1) level = above(level);
        return level[0];
    }

    function proof(Slot[] memory list, uint256 position) internal pure returns (Proof memory made) {
        (made.key, made.nextKey, made.value) = (list[position].key, list[position].nextKey, list[position].value);
        made.path = new bytes32[](depthOf(list.length));
        bytes32[] memory level = leaves(list);
        for (uint256 i = 0; i < made.path.length; ++i) {
            made.path[i] = level[position ^ 1];
            position /= 2;
            level = above(level);
        }
    }

    function leaves(Slot[] memory list) internal pure returns (bytes32[] memory level) {
        level = new bytes32[](2 ** depthOf(list.length));
        for (uint256 i = 0; i < list.length; ++i) {
            level[i] = leaf(list[i]);
        }
    }

    function above(bytes32[] memory level) internal pure returns (bytes32[] memory parents) {
        parents = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < parents.length; ++i) {
            (bytes32 a, bytes32 b) = (level[2 * i], level[2 * i + 1]);
            parents[i] = keccak256(a < b ? abi.encodePacked(a, b) : abi.encodePacked(b, a));
        }
    }
}
