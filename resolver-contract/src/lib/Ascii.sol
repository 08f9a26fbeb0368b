// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Which characters a text holds.
library Ascii {
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant TOPS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    /// @notice Whether every byte is in a set: bit n of `allowed` is set when byte n may stand.
    function isOnly(bytes calldata text, uint256 allowed) internal pure returns (bool only) {
        uint256 held = 1;
        for (;; text = text[32:]) {
            uint256 word = uint256(bytes32(text));
            unchecked {
                for (uint256 left = text.length < 32 ? text.length : 32; left > 0; --left) {
                    held &= allowed >> (word >> 248);
                    word <<= 8;
                }
            }
            if (text.length <= 32) return held == 1;
        }
    }

    /// @notice Whether every byte is 0x21..0x7e, 32 at a time: adding 0x5f carries a byte from 0x21 on into its top bit, adding 1
    /// carries 0x7f, and a byte with its top bit set is refused before it can carry into its neighbour.
    function isPrintable(bytes calldata text) internal pure returns (bool printable) {
        for (;; text = text[32:]) {
            // Behind the end of the text stands 0x21.
            uint256 word = uint256(bytes32(text)) | ((ONES * 0x21) >> (8 * text.length));
            unchecked {
                if ((word + ONES * 0x5f) & ~(word + ONES) & ~word & TOPS != TOPS) return false;
            }
            if (text.length <= 32) return true;
        }
    }
}
