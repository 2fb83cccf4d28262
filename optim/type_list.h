// A list of types, and a loop over it. Rules and codecs are registered in such lists, never by static
// initialisers.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace octet::optim {

template <class... Ts>
struct TypeList {
  static constexpr int size = sizeof...(Ts);

  // The place of a type of the list.
  template <class T>
  static constexpr int place_of() {
    int place = 0;
    (void)(... || (std::is_same_v<T, Ts> || (++place, false)));
    return place;
  }

  // Calls visit.template operator()<T>(index) for each type of the list, in order.
  template <class Visitor>
  static constexpr void for_each(Visitor&& visit) {
    int index = 0;
    (visit.template operator()<Ts>(index++), ...);
  }
};

}  // namespace octet::optim
