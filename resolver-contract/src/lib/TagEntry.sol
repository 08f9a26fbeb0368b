// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver} from "../IMooringResolver.sol";
import {Hex} from "./Hex.sol";

/// @notice What a list says of one tag, the `value` bytes of protocol 2.1:
/// u8 flags | u64 updatedVersion | u64 size | bytes32 swarmReference | u8 algorithm | digest | mediaType
library TagEntry {
    uint256 private constant MAX_MANIFEST_BYTES = 4_194_304;
    uint256 private constant MAX_MEDIA_TYPE_BYTES = 255;
    uint256 private constant DIGEST_AT = 50;
    uint8 private constant SHA256 = 1;
    uint8 private constant SHA512 = 2;
    uint8 private constant FLAG_IMMUTABLE = 1;
    uint8 private constant FLAG_TOMBSTONE = 2;
    bytes32 private constant EACH_BYTE = hex"0101010101010101010101010101010101010101010101010101010101010101";

    /// @notice Refuses an entry outside its limits; `version` is the list's.
    function check(bytes calldata value, uint256 version) internal pure {
        require(value.length > DIGEST_AT && _isInLimits(value, version), IMooringResolver.InvalidEntry());
    }

    /// @notice A tombstone reads as absent.
    function isTombstone(bytes calldata value) internal pure returns (bool) {
        return uint8(value[0]) & FLAG_TOMBSTONE != 0;
    }

    /// @notice The digest as `Docker-Content-Digest` writes it.
    function digest(bytes calldata value) internal pure returns (string memory) {
        bytes32 first = bytes32(value[DIGEST_AT:]);
        if (uint8(value[49]) == SHA256) return string.concat("sha256:", Hex.encode(first));
        return string.concat("sha512:", Hex.encode(first), Hex.encode(bytes32(value[DIGEST_AT + 32:])));
    }

    function size(bytes calldata value) internal pure returns (uint64) {
        return uint64(bytes8(value[9:17]));
    }

    function swarmReference(bytes calldata value) internal pure returns (bytes32) {
        return bytes32(value[17:49]);
    }

    function mediaType(bytes calldata value) internal pure returns (string calldata) {
        return string(value[_mediaTypeAt(value):]);
    }

    function _isInLimits(bytes calldata value, uint256 version) private pure returns (bool) {
        uint8 flags = uint8(value[0]);
        if (flags != 0 && flags != FLAG_IMMUTABLE && flags != FLAG_IMMUTABLE | FLAG_TOMBSTONE) return false;
        uint64 updatedVersion = uint64(bytes8(value[1:9]));
        if (updatedVersion == 0 || updatedVersion > version) return false;
        if (size(value) == 0 || size(value) > MAX_MANIFEST_BYTES) return false;
        uint8 algorithm = uint8(value[49]);
        if (algorithm != SHA256 && algorithm != SHA512) return false;
        uint256 start = _mediaTypeAt(value);
        if (value.length <= start || value.length > start + MAX_MEDIA_TYPE_BYTES) return false;
        return _isPrintable(value[start:]);
    }

    function _mediaTypeAt(bytes calldata value) private pure returns (uint256) {
        return uint8(value[49]) == SHA256 ? DIGEST_AT + 32 : DIGEST_AT + 64;
    }

    /// @dev Every byte 0x21..0x7e, a word at a time: adding 0x5f carries a byte of 0x21 or more into its top bit, adding 1 one of 0x7f.
    function _isPrintable(bytes calldata text) private pure returns (bool) {
        uint256 ones = uint256(EACH_BYTE);
        for (uint256 i = 0; i < text.length; i += 32) {
            uint256 chunk = uint256(bytes32(text[i:]));
            if (text.length - i < 32) chunk |= (ones * 0x21) >> (8 * (text.length - i));
            if (chunk & (ones * 0x80) != 0) return false;
            if ((chunk + ones * 0x5f) & (ones * 0x80) != ones * 0x80) return false;
            if ((chunk + ones) & (ones * 0x80) != 0) return false;
        }
        return true;
    }
}
