// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @notice The signature rule of protocol 2.3: ECDSA first, then ERC-1271 where the signer has code.
library SignatureRule {
    uint256 internal constant MAX_SIGNATURE_BYTES = 8192;

    /// @dev `tryRecoverCalldata` gives zero for what is not 65 bytes `r | s | v` with low `s` and `v` 27 or 28.
    function isValid(address signer, bytes32 hash, bytes calldata signature) internal view returns (bool) {
        if (signer == address(0)) return false;
        (address recovered,,) = ECDSA.tryRecoverCalldata(hash, signature);
        if (recovered == signer) return true;
        return signer.code.length > 0 && SignatureChecker.isValidERC1271SignatureNowCalldata(signer, hash, signature);
    }
}
