// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Lower-case hex, sixteen bytes at a time.
library Hex {
    uint256 private constant EACH_BYTE = 0x0101010101010101010101010101010101010101010101010101010101010101;

    /// @notice 64 characters, without 0x.
    function encode(bytes32 bytes_) internal pure returns (string memory) {
        return string(abi.encodePacked(_half(uint128(bytes16(bytes_))), _half(uint128(uint256(bytes_)))));
    }

    /// @dev Spreads the 32 nibbles over 32 bytes, then makes each a character: 0x30 more, and 0x27 more again from ten on.
    function _half(uint128 bytes_) private pure returns (bytes32) {
        uint256 x = bytes_;
        x = (x | (x << 64)) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        x = (x | (x << 32)) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        x = (x | (x << 16)) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        x = (x | (x << 8)) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        x = (x | (x << 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
        uint256 fromTenOn = ((x + EACH_BYTE * 6) >> 4) & EACH_BYTE;
        return bytes32(x + EACH_BYTE * 0x30 + fromTenOn * 0x27);
    }
}
