// Each file lies between NAME and NAME_end. Names are declared in embedded_files.cc.

        .macro  embed name, file
        .balign 64
        .global \name, \name\()_end
        .type   \name, %object
\name:
        .incbin "\file"
\name\()_end:
        .size   \name, . - \name
        .endm

        .section .rodata
        embed   siskin_clothing_weights, "clothing/model.safetensors"
        embed   siskin_clothing_labels, "clothing/labels.txt"
        embed   siskin_clothing_config, "clothing/model.textproto"

        .section .note.GNU-stack, "", %progbits
