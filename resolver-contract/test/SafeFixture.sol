// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fixture} from "./Fixture.sol";

interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
    function getMessageHash(bytes calldata message) external view returns (bytes32);
    function swapOwner(address previous, address old, address other) external;
}

interface ISafeFactory {
    function createProxy(address singleton, bytes calldata data) external returns (address);
}

/// @notice Safe 1.3.0 as it was published: singleton, proxy factory and the handler that answers ERC-1271.
abstract contract SafeFixture is Fixture {
    address internal safeSingleton;
    address internal safeHandler;
    ISafeFactory internal safeFactory;

    function setUp() public virtual override {
        super.setUp();
        safeSingleton = deploySafe("GnosisSafe.sol/GnosisSafe.json");
        safeHandler = deploySafe("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json");
        safeFactory = ISafeFactory(deploySafe("proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory.json"));
    }

    function deploySafe(string memory artifact) private returns (address) {
        return deployFrom(string.concat("node_modules/@gnosis.pm/safe-contracts/build/artifacts/contracts/", artifact), "");
    }

    /// @notice A Safe of the accounts of these keys.
    function newSafe(uint256[] memory keys, uint256 threshold) internal returns (address) {
        address[] memory owners = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            owners[i] = vm.addr(keys[i]);
        }
        bytes memory set =
            abi.encodeCall(ISafe.setup, (owners, threshold, address(0), "", safeHandler, address(0), 0, payable(0)));
        return safeFactory.createProxy(safeSingleton, set);
    }

    /// @notice What the owners of these keys, whose addresses must ascend, sign for their Safe to approve a hash by ERC-1271.
    function safeSignature(address safe, uint256[] memory keys, bytes32 hash) internal view returns (bytes memory made) {
        bytes32 message = ISafe(safe).getMessageHash(abi.encode(hash));
        for (uint256 i = 0; i < keys.length; ++i) {
            made = bytes.concat(made, signature(keys[i], message));
        }
    }

    /// @notice Keys from `first` on, in the order of their addresses.
    function ascendingKeys(uint256 first, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 at = i;
            for (; at > 0 && vm.addr(keys[at - 1]) > vm.addr(first + i); --at) keys[at] = keys[at - 1];
            keys[at] = first + i;
        }
    }

    function firstOf(uint256[] memory keys, uint256 count) internal pure returns (uint256[] memory some) {
        some = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            some[i] = keys[i];
        }
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory accounts) {
        accounts = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            accounts[i] = vm.addr(keys[i]);
        }
    }
}
