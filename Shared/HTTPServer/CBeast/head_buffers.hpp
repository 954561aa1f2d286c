// What a request's head is copied into.
#pragma once

#include "CBeast.h"

#include <string>
#include <vector>

namespace martlet {

/// A parser takes a loop's buffers for as long as it needs them and gives them back, so that most heads cost no
/// allocation and idle connections hold no memory for them.
struct head_buffers {
    std::string text;
    std::vector<cb_field> fields;
};

}  // namespace martlet
