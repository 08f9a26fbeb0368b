// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @notice The signature rule of protocol 2.3: ECDSA first, then ERC-1271 where the signer has code.
library SignatureRule {
    uint256 internal constant MAX_SIGNATURE_BYTES = 8192;

    function isValid(address signer, bytes32 hash, bytes calldata signature) internal view returns (bool) {
        if (signer == address(0)) return false;
        if (_recover(hash, signature) == signer) return true;
        return signer.code.length > 0
            && SignatureChecker.isValidERC1271SignatureNowCalldata(signer, hash, signature);
    }

    /// @dev Zero for what is not 65 bytes `r | s | v` with low `s` and `v` 27 or 28.
    function _recover(bytes32 hash, bytes calldata signature) private pure returns (address recovered) {
        if (signature.length != 65) return address(0);
        (recovered,,) =
            ECDSA.tryRecover(hash, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
    }
}
