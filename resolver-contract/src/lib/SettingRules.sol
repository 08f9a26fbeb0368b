// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Policy} from "../IMooringResolver.sol";

/// @notice What an owner may set (protocol 3).
library SettingRules {
    uint256 private constant MAX_PUBLISHERS = 8;
    uint256 private constant MAX_BASE_URL_BYTES = 255;
    uint256 private constant MIN_MAX_AGE_SECONDS = 1 hours;
    uint256 private constant MAX_MAX_AGE_SECONDS = 7 days;

    /// @notice 1 to 8 publishers, strictly ascending; a timestamper with its maximal age or neither; or nothing at all.
    function isPolicy(Policy memory policy) internal pure returns (bool) {
        uint256 count = policy.publishers.length;
        bool timestamped = policy.timestamper != address(0);
        if (count == 0) return policy.threshold <= 1 && !timestamped && policy.maxAge == 0;
        if (count > MAX_PUBLISHERS || policy.threshold == 0 || policy.threshold > count) return false;
        address previous;
        for (uint256 i = 0; i < count; ++i) {
            if (policy.publishers[i] <= previous) return false;
            previous = policy.publishers[i];
        }
        if (!timestamped) return policy.maxAge == 0;
        return policy.maxAge >= MIN_MAX_AGE_SECONDS && policy.maxAge <= MAX_MAX_AGE_SECONDS;
    }

    /// @notice Printable without a space (the oci-registry record is a list with spaces), and no final slash before what is appended.
    function isBaseUrl(bytes memory url) internal pure returns (bool) {
        if (url.length == 0 || url.length > MAX_BASE_URL_BYTES || url[url.length - 1] == "/") return false;
        for (uint256 i = 0; i < url.length; ++i) {
            if (url[i] <= 0x20 || url[i] >= 0x7f) return false;
        }
        return true;
    }
}
