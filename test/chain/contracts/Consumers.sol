// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface IResolver {
    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory);
    function resolveCallback(bytes calldata response, bytes calldata extraData) external view returns (bytes memory);
}

interface IAnyCallback {
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);
}

/// @notice A contract that acts on what a gateway brought. `record` lets its caller choose the extraData; `recordOf` makes it itself.
contract RecordKeeper {
    IResolver private immutable _resolver;
    bytes public kept;

    constructor(IResolver resolver) {
        _resolver = resolver;
    }

    function record(bytes calldata response, bytes calldata extraData) external {
        kept = _resolver.resolveCallback(response, extraData);
    }

    function recordOf(bytes calldata name, bytes calldata data, bytes calldata response) external {
        bytes memory callData = abi.encodeCall(IResolver.resolve, (name, data));
        kept = _resolver.resolveCallback(response, abi.encode(callData, address(_resolver)));
    }
}

/// @notice Passes lookups on as ENS's first resolver for DNS names does: what comes back inside is read as (bytes, address), and the
/// address sent along is its own.
contract DnsStyleWrapper is IAnyCallback {
    error NotALookupOf(address target);

    function resolve(address target, bytes calldata name, bytes calldata data) external view returns (bytes memory) {
        return _passOn(target, abi.encodeCall(IResolver.resolve, (name, data)));
    }

    function wrapperCallback(bytes calldata response, bytes calldata extraData) external view returns (bytes memory) {
        (bytes memory inner, bytes4 callback) = abi.decode(extraData, (bytes, bytes4));
        (bytes memory request, address target) = abi.decode(inner, (bytes, address));
        return _passOn(target, abi.encodeWithSelector(callback, response, abi.encode(request, address(this))));
    }

    function _passOn(address target, bytes memory call) private view returns (bytes memory) {
        (bool ok, bytes memory answer) = target.staticcall(call);
        if (ok) return abi.decode(answer, (bytes));
        if (bytes4(answer) == OffchainLookup.selector) _ask(target, _tail(answer));
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _ask(address target, bytes memory fields) private view {
        (address sender, string[] memory urls, bytes memory callData, bytes4 callback, bytes memory extraData) =
            abi.decode(fields, (address, string[], bytes, bytes4, bytes));
        require(sender == target, NotALookupOf(target));
        revert OffchainLookup(address(this), urls, callData, this.wrapperCallback.selector, abi.encode(extraData, callback));
    }

    function _tail(bytes memory answer) private pure returns (bytes memory tail) {
        tail = new bytes(answer.length - 4);
        for (uint256 i = 0; i < tail.length; ++i) {
            tail[i] = answer[i + 4];
        }
    }
}

/// @notice A fallback resolver that wants a gateway for everything, in the name of whom it was told.
contract AskingFallback is IAnyCallback {
    address private immutable _sender;
    string private _url;

    constructor(address sender, string memory url) {
        _sender = sender == address(0) ? address(this) : sender;
        _url = url;
    }

    fallback() external {
        string[] memory urls = new string[](1);
        urls[0] = _url;
        revert OffchainLookup(_sender, urls, msg.data, IResolver.resolveCallback.selector, abi.encode(msg.data, _sender));
    }
}

/// @notice Answers `addr(bytes32)` with the gas it was given. One that is `old` burns all gas of an empty call, as contracts did that
/// were compiled before EIP-140.
contract GasTeller {
    bool private immutable _old;

    constructor(bool old) {
        _old = old;
    }

    function addr(bytes32) external view returns (uint256) {
        return gasleft();
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x01ffc9a7;
    }

    fallback() external {
        if (!_old) revert();
        assembly ("memory-safe") {
            invalid()
        }
    }
}
