#!/usr/bin/pyton3
print("hello")
