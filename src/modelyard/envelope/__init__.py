"""The envelope: bytes encrypted under a data key, in frames, with the data key sealed beside them.

Source of the construction: STREAM, of Hoang, Reyhanitabar, Rogaway and Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO 2015), with a key per file
derived as in Tink's AES-GCM-HKDF streaming. The layout:

    header   512 bytes: see `header`
    frames   64 KiB of plaintext each, the last one 0 to 64 KiB, each followed by a tag of 16 bytes

The key of a file is HKDF-SHA256 of the data key, salted with the header's 32 random bytes, and with
the whole header's digest in its info: a header that was changed opens nothing. A frame's nonce is
a prefix of the file's own, the frame's number, and whether it is the last one. So a frame that was
changed, moved, left out or added, and a file that was cut at any place, are told; and any frame can
be read alone, which is what ranges need.
"""
