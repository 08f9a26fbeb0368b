// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Numbers and bytes as text; hex is lower case and comes sixteen bytes at a time.
library Text {
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;

    /// @notice 64 characters, without 0x, in two words.
    function toHex(bytes32 bytes_) internal pure returns (bytes32, bytes32) {
        return (_half(uint128(bytes16(bytes_))), _half(uint128(uint256(bytes_))));
    }

    /// @notice 0x and 40 characters, without a checksum's capitals.
    function toHex(address account) internal pure returns (string memory) {
        uint160 bytes_ = uint160(account);
        bytes8 end = bytes8(_half(uint128(bytes_) << 96));
        return string(abi.encodePacked("0x", _half(uint128(bytes_ >> 32)), end));
    }

    function toDecimal(uint256 number) internal pure returns (string memory text) {
        do {
            text = string(abi.encodePacked(bytes1(uint8(0x30 + number % 10)), text));
            number /= 10;
        } while (number != 0);
    }

    /// @dev Spreads the 32 nibbles over 32 bytes, then makes each a character: 0x30 more, and 0x27 more again from ten on.
    function _half(uint128 bytes_) private pure returns (bytes32) {
        uint256 x = bytes_;
        x = (x | (x << 64)) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        x = (x | (x << 32)) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        x = (x | (x << 16)) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        x = (x | (x << 8)) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        x = (x | (x << 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
        unchecked {
            uint256 fromTenOn = ((x + ONES * 6) >> 4) & ONES;
            return bytes32(x + ONES * 0x30 + fromTenOn * 0x27);
        }
    }
}
