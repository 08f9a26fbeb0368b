// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver} from "../IMooringResolver.sol";
import {Ascii} from "./Ascii.sol";
import {Text} from "./Text.sol";

/// @notice What a list says of one tag, the `value` bytes of protocol 2.1:
/// u8 flags | u64 updatedVersion | u64 size | bytes32 swarmReference | u8 algorithm | digest | mediaType
library TagEntry {
    uint256 private constant MAX_MANIFEST_BYTES = 4_194_304;
    uint256 private constant MAX_MEDIA_TYPE_BYTES = 255;
    uint256 private constant DIGEST_AT = 50;
    bytes1 private constant SHA256 = 0x01;
    bytes1 private constant SHA512 = 0x02;
    uint256 private constant FLAG_IMMUTABLE = 1;
    uint256 private constant FLAG_TOMBSTONE = 2;

    /// @notice Reads an entry; refuses one outside its limits. `version` is the list's. A tombstone reads as absent.
    function read(bytes calldata value, uint256 version)
        internal
        pure
        returns (bool present, uint64 size, bytes calldata digest, bytes calldata mediaType)
    {
        require(value.length > DIGEST_AT, IMooringResolver.InvalidEntry());
        uint256 front = uint256(bytes32(value));
        uint256 flags = front >> 248;
        require(flags <= FLAG_IMMUTABLE || flags == FLAG_IMMUTABLE | FLAG_TOMBSTONE, IMooringResolver.InvalidEntry());
        uint64 updatedVersion = uint64(front >> 184);
        require(updatedVersion > 0 && updatedVersion <= version, IMooringResolver.InvalidEntry());
        size = uint64(front >> 120);
        require(size > 0 && size <= MAX_MANIFEST_BYTES, IMooringResolver.InvalidEntry());
        uint256 mediaTypeAt = DIGEST_AT + _digestBytes(value[DIGEST_AT - 1]);
        require(
            value.length > mediaTypeAt && value.length <= mediaTypeAt + MAX_MEDIA_TYPE_BYTES,
            IMooringResolver.InvalidEntry()
        );
        (digest, mediaType) = (value[DIGEST_AT:mediaTypeAt], value[mediaTypeAt:]);
        require(Ascii.isPrintable(mediaType), IMooringResolver.InvalidEntry());
        present = flags & FLAG_TOMBSTONE == 0;
    }

    /// @notice The digest as `Docker-Content-Digest` writes it.
    function digestText(bytes calldata digest) internal pure returns (string memory) {
        (bytes32 high, bytes32 low) = Text.toHex(bytes32(digest));
        if (digest.length == 32) return string(abi.encodePacked("sha256:", high, low));
        (bytes32 higher, bytes32 lower) = Text.toHex(bytes32(digest[32:]));
        return string(abi.encodePacked("sha512:", high, low, higher, lower));
    }

    function swarmReference(bytes calldata value) internal pure returns (bytes32) {
        return bytes32(value[17:49]);
    }

    function _digestBytes(bytes1 algorithm) private pure returns (uint256) {
        if (algorithm == SHA256) return 32;
        require(algorithm == SHA512, IMooringResolver.InvalidEntry());
        return 64;
    }
}
