// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Reads ABI-encoded bytes where they lie in calldata: nothing is copied and nothing is decoded that no check asks for.
/// `data` is always the start of a tuple, positions count words from there and are small. Every read is a slice or a decoding, so
/// what points outside reverts; a length near 2^256 wraps to an end before its start, which a slice refuses too.
library AbiReader {
    /// @notice The word at a position, the first being 0.
    function number(bytes calldata data, uint256 position) internal pure returns (uint256) {
        unchecked {
            return abi.decode(data[32 * position:], (uint256));
        }
    }

    /// @notice What the offset at a position points to.
    function tail(bytes calldata data, uint256 position) internal pure returns (bytes calldata) {
        return data[number(data, position):];
    }

    /// @notice The `bytes` or `string` whose offset stands at a position.
    function blob(bytes calldata data, uint256 position) internal pure returns (bytes calldata) {
        return blobAt(data, number(data, position));
    }

    /// @notice The `bytes` or `string` at an offset.
    function blobAt(bytes calldata data, uint256 offset) internal pure returns (bytes calldata) {
        bytes calldata encoded = data[offset:];
        uint256 length = abi.decode(encoded, (uint256));
        unchecked {
            return encoded[32:32 + length];
        }
    }

    /// @notice The tuple that an element of an array of tuples is; `array` starts at its length.
    function element(bytes calldata array, uint256 position) internal pure returns (bytes calldata) {
        return tail(array[32:], position);
    }
}
