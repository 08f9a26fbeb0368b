// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Which characters a text holds.
library Ascii {
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant TOPS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @notice Whether every byte is in a set: bit n of `allowed` is set when byte n may stand.
    function isOnly(bytes calldata text, uint256 allowed) internal pure returns (bool) {
        uint256 held = 1;
        unchecked {
            for (uint256 i = 0; i < text.length; i += 32) {
                uint256 chunk = uint256(bytes32(text[i:]));
                for (uint256 left = text.length - i < 32 ? text.length - i : 32; left > 0; --left) {
                    held &= allowed >> (chunk >> 248);
                    chunk <<= 8;
                }
            }
        }
        return held == 1;
    }

    /// @notice Whether every byte is 0x21..0x7e, 32 at a time: adding 0x5f carries a byte from 0x21 on into its top bit, adding 1
    /// carries 0x7f, and a byte with its top bit set is refused before it can carry into its neighbour.
    function isPrintable(bytes calldata text) internal pure returns (bool) {
        uint256 length = text.length;
        unchecked {
            for (uint256 i = 0; i < length; i += 32) {
                uint256 chunk = uint256(bytes32(text[i:]));
                if (length - i < 32) chunk |= (ONES * 0x21) >> (8 * (length - i));
                if (chunk & TOPS != 0) return false;
                if (((chunk + ONES * 0x5f) & ~(chunk + ONES)) & TOPS != TOPS) return false;
            }
        }
        return true;
    }
}
