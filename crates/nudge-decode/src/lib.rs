#![no_std]
#![doc = "placeholder"]
